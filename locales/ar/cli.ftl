# سطر الأوامر: مساعدته، وما يخبر به، وما يُقال حين يُساء استعماله.
language-name = العربية

help-title = بصيرة: اطرح أسئلة عن الصور الطبية بالعربية والإنجليزية. ليست للتشخيص.
help-serve = تشغيل الصفحة، وهو ما يحدث أيضًا من دون أمر
help-ask = الإجابة في الطرفية؛ ‎--frame N‎ و‎--json‎
help-inspect = ما هذا الملف ولماذا يُقرأ أو لا يُقرأ؛ ‎--json‎
help-render = صور PNG؛ ‎--window C/W‎ و‎--frame N‎
help-export = كل سؤال وجوابه في سطر JSON؛ ‎--pictures DIR‎
help-models = النماذج المعروفة بأسمائها؛ ‎--json‎
help-convert = كتابة نموذج بصيغة Hugging Face؛ ‎--quantization‎
help-evaluate = الإجابة عن ملف أسئلة؛ ‎--images DIR‎ و‎--out FILE‎
help-serve-model = إتاحة النموذج بواجهة OpenAI؛ ‎--port N‎
help-doctor = ما وُجد هنا وما به خلل؛ ‎--verify‎ و‎--json‎
help-settings = كل إعدادات ‎BASIRA_…‎ وقيمها والغرض منها
help-language = لغة الرسائل؛ وإلا فالإعداد BASIRA_LANG، وإلا فلغة النظام
help-shape = للطرفيات التي لا تصل الحروف العربية ولا ترتّبها
help-exit-codes = رموز الخروج: 0 نجاح، 1 رفض، 2 استعمال خاطئ، 3 إجابة مقطوعة، 4 فشل، 130 إيقاف.
help-settings-hint = BASIRA_DATA هو المجلد الوحيد الذي يُحفظ فيه كل شيء، وBASIRA_MODEL هو النموذج.

usage-see-help = يشرح ‎“python -m app --help”‎ كل الأوامر.
usage-wrong = لم يُفهم سطر الأوامر هذا.
usage-command = لا يوجد أمر { $what }.
usage-command-close = لا يوجد أمر كهذا. هل تقصد { $what }؟
usage-option = لا معنى لـ { $what } هنا.
usage-value = قيمة { $what } ناقصة أو لا يمكن استعمالها.
usage-missing = ينقص { $what }.
usage-no-file = لا يوجد ملف أو مجلد باسم { $what }.
usage-exists = { $what } موجود من قبل. اختر اسمًا جديدًا.
usage-one-question = اكتب سؤالًا واحدًا بين علامتي اقتباس.
cannot-write = لا يمكن الكتابة في { $path } ({ $reason }).

settings-default = القيمة الافتراضية: { $value }

serve-starting = يبدأ تشغيل بصيرة: { $url } (للإيقاف ‎Ctrl+C‎)
serve-key = افتح ‎{ $url }/?key=…‎ مرة واحدة في كل متصفح، وضع قيمة BASIRA_PAGE_KEY مكان النقاط.
serve-needs-key = يمكن لأجهزة أخرى الوصول إلى { $host }. ضع في BASIRA_PAGE_KEY مفتاحًا يلزم قرّاءها تقديمه، مثل هذا الذي أُنشئ الآن: ‎BASIRA_PAGE_KEY={ $example }‎. أو استعمل ‎BASIRA_HOST=127.0.0.1‎.
serve-port-taken = المنفذ { $port } يشغله برنامج آخر. أوقف ذلك البرنامج، أو اختر منفذًا آخر: { $following }
serve-port-forbidden = لا يُسمح لهذا الحساب باستعمال المنفذ { $port }. اختر منفذًا فوق 1023.
serve-no-such-address = لا يمكن لهذا الجهاز الاستماع على { $host }. اجعل BASIRA_HOST أحد عناوينه.
serve-model-starting = يجيب { $name } عند العنوان { $url } (للإيقاف ‎Ctrl+C‎)
serve-model-needs-key = يمكن لأجهزة أخرى الوصول إلى { $host }. ضع في BASIRA_API_KEY مفتاحًا يلزمها تقديمه، أو استعمل ‎--host 127.0.0.1‎.

inspect-spacing = { "\u2066" }{ $number } mm{ "\u2069" } بين البكسلات
inspect-more-pictures = { $count ->
    [one] وصورة أخرى
    [two] وصورتان أخريان
    [few] و{ $count } صور أخرى
    [many] و{ $count } صورة أخرى
   *[other] و{ $count } صورة أخرى
}
inspect-more-skipped = { $count ->
    [one] وملف آخر ليس صورة
    [two] وملفان آخران ليسا صورتين
    [few] و{ $count } ملفات أخرى ليست صورًا
    [many] و{ $count } ملفًا آخر ليست صورًا
   *[other] و{ $count } ملف آخر ليست صورًا
}

ask-loading = يجري تحميل النموذج: { "\u2066" }{ $percent }%{ "\u2069" }
ask-demonstration = هذا نموذج توضيحي ليست لديه معرفة طبية.
ask-truncated = قُطعت الإجابة عند أقصى طول لها. يتيح BASIRA_MAX_NEW_TOKENS إجابات أطول.
ask-repeating = أخذ النموذج يكرّر الكلام نفسه فأُنهيت الإجابة. اسأل بصياغة أخرى.
ask-stopped = أُوقفت الإجابة.

export-no-record = لا يوجد سجل في { $folder }، فلا شيء يُصدَّر. اجعل BASIRA_DATA المجلد الذي فيه السجل.
export-done = { $count ->
    [zero] لم يُكتب أي سؤال في { $path } لأن السجل خالٍ.
    [one] كُتب سؤال واحد وجوابه في { $path }.
    [two] كُتب سؤالان وجواباهما في { $path }.
    [few] كُتبت { $count } أسئلة وأجوبتها في { $path }.
    [many] كُتب { $count } سؤالًا وأجوبتها في { $path }.
   *[other] كُتب { $count } سؤال وأجوبتها في { $path }.
}

models-memory = { $gigabytes } غيغابايت بدقة 4 بت
models-context = { $tokens ->
    [one] وحدة نصية واحدة
    [two] وحدتان نصيتان
    [few] { $tokens } وحدات نصية
   *[other] { $tokens } وحدة نصية
}
models-text-only = نصوص فقط
models-images = { $count ->
    [one] صورة واحدة
    [two] حتى صورتين
    [few] حتى { $count } صور
    [many] حتى { $count } صورة
   *[other] حتى { $count } صورة
}
models-together = عدة قرّاء في آن واحد
models-in-turn = قارئ بعد آخر
models-refused = معروف لكنه مرفوض
models-boxes = يكتب المستطيلات بصيغة { $convention }
models-recommended = يوصي به مؤلّفوه: { $settings }
models-gated = لا يُجلب إلا برمز الدخول HF_TOKEN لحساب قَبِل شروطه
models-note-arabic-unproven = لم يثبت أنه يجيب بالعربية
models-note-research-only = للبحث فقط
models-note-original-format = بصيغة LLaVA الأصلية
models-note-clip-tower = يحتاج أيضًا إلى openai/clip-vit-large-patch14-336 ما لم تكن أوزان البرج البصري في داخله
models-note-code-and-pickle = نموذجه شيفرة Python داخل الملفات فقط، وأوزانه pickle فقط
models-note-never-float16 = لا يعمل بدقة float16 أبدًا، فأعداده تتجاوزها
models-note-int8-gibberish = أُبلغ أنه يكتب كلامًا بلا معنى بدقة 8 بت
models-note-authors-85-images = يعطيه مؤلّفوه حتى 85 مقطعًا، والسياق المستعمل هنا، 8192 وحدة نصية، يسع 24
models-note-mixtral = مزيج خبراء، Mixtral 8x7B
convert-done = كُتب في { $path }. لاستعماله: ‎BASIRA_MODEL={ $path }‎

evaluate-malformed = السطر { $line } من { $path } ليس سؤالًا: يلزم لكل سطر «text» ومعرّف خاص به.
evaluate-progress = الأسئلة: { $done } من { $total }
evaluate-done = من أصل { $total }: أُجيب الآن عن { $answered }، ومن قبل عن { $kept }، وتعذّرت الإجابة عن { $failed }: { $path }
evaluate-stopped = أُوقف التقييم. الأمر نفسه يتابع من هنا.

doctor-python = Python
doctor-torch = PyTorch
doctor-transformers = Transformers
doctor-bitsandbytes = bitsandbytes ‏(4 بت)
doctor-gradio = Gradio
doctor-pydicom = pydicom
doctor-detector = كاشف النصوص
doctor-device = المعالج
doctor-device-value = { $name }، والذاكرة المتاحة { $free } من { $total } غيغابايت
doctor-gpu = معالج الرسوميات (GPU)
doctor-model = النموذج
doctor-data = مجلد البيانات
doctor-database = السجل
doctor-database-value = المحادثات: { $conversations }، الأسئلة: { $turns }، الحجم: { $size } ميغابايت، المخطّط: { $schema }
doctor-sqlite = SQLite
doctor-fonts = الخطوط
doctor-disk = المساحة المتاحة على القرص
doctor-notes = للعلم:
doctor-wrong = المشكلات:
doctor-well = لا توجد مشكلات.
doctor-library-missing = المكتبة { $package } غير مثبّتة. يثبّتها الأمر ‎“make run”‎.
doctor-torch-broken = تعذّر تحميل PyTorch ‏({ $reason }). احذف ‎.venv‎ ثم أعد الأمر ‎“make run”‎.
doctor-no-gpu = لا يوجد معالج رسوميات (GPU) يستطيع PyTorch استعماله. يعمل النموذج التوضيحي من دونه، أما نموذج بثمانية مليارات معامل فسيكون بطيئًا.
doctor-no-database = لا يوجد بعد؛ يُنشأ عند أول تشغيل.
doctor-wal-bug = في هذا الإصدار خلل نادر حين يكتب عدة برامج معًا (أُصلح في 3.51.3). تكتب بصيرة من عملية واحدة فقط، فلا تفتح سجلّها ببرامج أخرى وهي تعمل.
doctor-folder-open = تستطيع حسابات أخرى على هذا الجهاز قراءته. لإغلاقه: ‎chmod 700 { $path }‎
doctor-fonts-missing = ملفات الخطوط ناقصة في assets/fonts، فتستعمل الصفحة خطوط النظام. اجلب المستودع من جديد.
doctor-disk-low = بقي أقل من 2 غيغابايت، وقد يتعذّر حفظ المحادثات. أفسح مكانًا، أو اختر مجلدًا آخر بالإعداد BASIRA_DATA.
