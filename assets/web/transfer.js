// One request that takes bytes to the server and brings lines of JSON back; both are told of as they go. Knows no route.

/**
 * Resolves with {ok, status, refusal}: `refusal` is the JSON of an answer that is none. `sent(loaded, total)` while bytes
 * go up, `line(object)` for each line that came. Rejects with AbortError, and with another error when it breaks off.
 */
export function transfer(url, body, { sent, line, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not say how much of a body has gone up
    let read = 0;
    const readLines = () => {
      if (request.status >= 400) return;
      for (let end; (end = request.responseText.indexOf("\n", read)) >= 0; read = end + 1) {
        if (end > read) line(JSON.parse(request.responseText.slice(read, end)));
      }
    };
    request.open("POST", url);
    request.upload.onprogress = (event) => sent(event.loaded, event.total);
    request.onprogress = readLines;
    request.onload = () => {
      readLines();
      resolve({ ok: request.status < 400, status: request.status, refusal: request.status < 400 ? null : parsed(request.responseText) });
    };
    request.onerror = () => reject(new Error("cut short"));
    request.onabort = () => reject(new DOMException("called off", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    if (signal?.aborted) request.abort(), reject(new DOMException("called off", "AbortError"));
    else request.send(body);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
