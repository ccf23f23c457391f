### Text in the picture itself: what the page says of it and what it offers. Nothing reads the text.

burned-seen = { $count ->
    [one] There seems to be text in the picture itself, perhaps with a name ({ $places }). Mask it before sharing.
   *[other] There seems to be text in the picture itself in { $count } places, perhaps with a name ({ $places }). Mask them before sharing.
}
burned-usual = No text was seen in this picture, but pictures of its kind often carry some, perhaps a name. Check before sharing.
burned-no-detector = Nothing has looked for text in this picture: the text detector is not installed (“python -m app doctor” says how). Check before sharing.
burned-not-looked = This picture could not be searched for text. Check before sharing.
burned-masked = { $count ->
    [one] What was marked is painted over for good.
   *[other] What was marked is painted over for good, in { $count } pictures of the series.
}
burned-corners-masked = { $count ->
    [one] The corners are painted over for good.
   *[other] The corners are painted over for good, in { $count } pictures of the series.
}
burned-now-clear = Looked again: no text is seen any more.
burned-still = { $count ->
    [one] Looked again: there still seems to be text ({ $places }).
   *[other] Looked again: there still seems to be text in { $count } places ({ $places }).
}
burned-earlier = { $count ->
    [one] One question asked before keeps the picture as the model saw it, with the text, and the model is given it again in this conversation. To remove it too, erase this conversation.
   *[other] { $count } questions asked before keep the picture as the model saw it, with the text, and the model is given it again in this conversation. To remove it too, erase this conversation.
}

burned-at-0-0 = top left
burned-at-0-1 = top
burned-at-0-2 = top right
burned-at-1-0 = left
burned-at-1-1 = middle
burned-at-1-2 = right
burned-at-2-0 = bottom left
burned-at-2-1 = bottom
burned-at-2-2 = bottom right

burned-mask = Mask the marked places
burned-mask-corners = Mask them and the corners
burned-only-corners = Mask the corners
burned-hide = Hide this note
burned-working = Painting over, then looking again…
burned-failed = The masking did not finish. Click again in a moment; what was painted over stays so.
error-still-reading = The series is still being read. Mask it when all its pictures are there.
