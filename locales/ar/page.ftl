# The page: what a reader sees around images and answers.
page-title = بصيرة · قاعة قراءة الصور الطبية
brand = بصيرة
brand-other = Basira
disclaimer = للبحث والتعليم، وليس للتشخيص.
language-label = اللغة
shelf-button = المحادثات
theme-light = المظهر الفاتح
theme-dark = المظهر الداكن
close = إغلاق
notice-more = المزيد
notice-less = أقل
cancel = إلغاء

model-loading = يجري تحميل النموذج
model-failed = النموذج غير متاح
model-demonstration = نموذج توضيحي
model-demonstration-short = توضيحي
model-loading-short = تحميل
model-line = { $name } · { $quantization }
model-demonstration-line = نموذج توضيحي بلا معرفة طبية · { $name } · { $quantization }
quantization-nf4 = 4 بت
quantization-int8 = 8 بت
quantization-bf16 = 16 بت
quantization-fp32 = 32 بت
quantization-remote = خادم آخر

new-conversation = محادثة جديدة
search-conversations = البحث في المحادثات
search-nothing = لا توجد محادثة بهذه الكلمات.
shelf-empty = ستظهر محادثاتك هنا.
today = اليوم
yesterday = أمس
untitled = محادثة جديدة
rename = تسمية المحادثة
rename-label = اسم المحادثة
rename-save = حفظ الاسم
erase = حذف المحادثة
erase-undone = حُذفت المحادثة، وستُمحى نهائيًا بعد لحظات.
undo = تراجع
undo-late = فات أوان التراجع: مُحيت المحادثة.
shelf-failed = تعذّر ذلك. حاول مرة أخرى بعد لحظات.

add-images = إضافة صور
add-images-title = ملفات DICOM أو PNG أو JPEG أو TIFF أو WebP أو شرائح نسيجية أو مجلدات أو ملف ZIP؛ ويمكن أيضًا إفلاتها أو لصقها
choose-files = اختيار صور
reading-files = تجري القراءة
sending-files = يجري الإرسال
upload-failed = انقطع رفع الملفات. تأكّد من أن بصيرة ما زالت تعمل ثم أرسل الملفات مرة أخرى.
upload-not-cancelled = تعذّر إلغاء كل شيء: الصور التي ما زالت معروضة محفوظة. لإزالتها امحُ المحادثة.
upload-cancelled = أُلغي. لم يُحفظ شيء من هذه الملفات، إلا الصور التي سبق أن طُرح سؤال عنها.
upload-only-litter = لم تُختر إلا ملفات تخص نظام التشغيل، وليس بينها صورة.
server-lost = لا تستجيب بصيرة، وربما أُوقفت. شغّلها من جديد ثم أعد تحميل الصفحة؛ ما كتبتَه ما زال هنا.

welcome-title = اسأل عن صورة طبية
welcome-text = دراسة DICOM أو مجلد أو ملف ZIP أو شريحة نسيجية أو صورة، ويمكن لصقها أيضًا. كل شيء يبقى على الجهاز الذي تعمل عليه بصيرة.
welcome-text-remote = دراسة DICOM أو مجلد أو ملف ZIP أو شريحة نسيجية أو صورة، ويمكن لصقها أيضًا. تأتي الإجابات من نموذج على خادم آخر اختاره مشغّل البرنامج: تُرسَل إليه الأسئلة والصور التي تدور حولها.
stage-title = أفلِت الصور في أي موضع هنا
welcome-languages = بالعربية أو الإنجليزية. ويجيب باللغة نفسها.
welcome-demonstration = النموذج المحمَّل الآن نموذج توضيحي بلا معرفة طبية. تعلّم من رسوم أنشأها هذا المشروع، وغرضه بيان طريقة عمل البرنامج فقط.
welcome-image-title = اسأل عن الصورة
welcome-image-text = اكتب سؤالًا أو اختر واحدًا أدناه. يرى النموذج ما على الشاشة تمامًا: غيّر النافذة أو كبّر أو انتقل إلى مقطع آخر لتعرض عليه شيئًا آخر.
samples-title = أو افتح عيّنة جاهزة: رسوم مولَّدة وليست صور مرضى
sample-chest-radiograph = صورة شعاعية للصدر
sample-head-ct = تصوير مقطعي للرأس
sample-abdominal-ct = تصوير مقطعي للبطن
sample-brain-mr = رنين مغناطيسي للدماغ
sample-histology = نسيج بصبغة H&E

chat-label = المحادثة
you = أنت
reading-question = تجري قراءة السؤال…
thinking = يجري التفكير…
wait-loading = يجري تحميل النموذج ({ "\u2066" }{ $percent }%{ "\u2069" }). سيأتي دور سؤالك بعد ذلك.
wait-queue = { $position ->
    [one] قبل سؤالك سؤال واحد.
    [two] قبل سؤالك سؤالان.
    [few] قبل سؤالك { $position } أسئلة.
    [many] قبل سؤالك { $position } سؤالًا.
   *[other] قبل سؤالك { $position } سؤال.
}
ended-stopped = أُوقفت الإجابة. ما كُتب منها محفوظ.
ended-truncated = بلغت الإجابة الحدّ الأقصى للطول.
ended-repeating = أخذ النموذج يكرّر الكلام نفسه فأُنهيت الإجابة، ولن يقرأها النموذج في الأسئلة التالية. اسأل بصياغة أخرى أو اطلب إعادة الإجابة.
ended-interrupted = انقطعت الإجابة: توقف البرنامج أثناء كتابتها. يمكنك السؤال مرة أخرى.
answer-out-of-sight = انقطع الاتصال أثناء كتابة هذه الإجابة. يظهر هنا ما وصل منها.
what-the-model-saw = ما رآه النموذج
show-this-view = عرض الصورة كما رآها النموذج
copy = نسخ
copied = نُسخ
copy-failed = حدّد النص لنسخه
turn-answer = اتجاه النص
turn-question = عكس اتجاه نص السؤال
reads-as = يُقرأ هكذا
edit-question = تعديل السؤال
stop-editing = إلغاء التعديل
rate = تقييم الإجابة
rated = قُيِّمت
rating-reasons = الأسباب
rating-comment = هل تريد إضافة شيء؟ مثلًا الإجابة التي تراها صحيحة.
rating-save = حفظ التقييم
rating-failed = تعذّر حفظ التقييم. احفظه مرة أخرى بعد لحظات؛ ما اخترتَه ما زال هنا.
rating-kept = حُفظ تقييمك.
rating-take-back = سحب التقييم
rating-taken-back = سُحب تقييمك.
thumb-up = إجابة جيدة
thumb-down = إجابة سيئة
reason-correct = صحيحة
reason-helpful = مفيدة
reason-clear = واضحة
reason-wrong-finding = موجودات خاطئة
reason-wrong-side = جهة خاطئة أو موضع خاطئ
reason-missed = فيها إغفال
reason-invented = فيها اختلاق
reason-wrong-language = لغة خاطئة
reason-unclear = غير واضحة
reason-harmful = قد تُسبّب ضررًا

question-label = السؤال
question-placeholder = اسأل عن هذه الصورة بالعربية أو الإنجليزية
send = إرسال
stop = إيقاف
regenerate = إعادة الإجابة
model-will-see = ما سيراه النموذج
seen-nothing = لا توجد صورة بعد: سيقرأ النموذج كلماتك فقط
seen-loading = تجري قراءة الصورة
view-whole = المعروض الآن
view-part = هذا الجزء من الصورة
view-window = { "\u2066" }W { $width } L { $level }{ "\u2069" }
view-slice = المقطع { $number }
view-frame = الإطار { $number }
view-image = الصورة { $number }

resize-conversation = عرض عمود المحادثة
seen-words-only = الكلمات فقط: هذا النموذج لا يرى الصور
pictures-left-out = هذا النموذج يقرأ النصوص فقط، فلم تصله صور هذه المحادثة.
turns-left-out = { $count ->
    [one] تجاوزت المحادثة ما يتسع له النموذج، فتُرك أقدم سؤال وجوابه.
    [two] تجاوزت المحادثة ما يتسع له النموذج، فتُرك أقدم سؤالين وجواباهما.
    [few] تجاوزت المحادثة ما يتسع له النموذج، فتُركت أقدم { $count } أسئلة وأجوبتها.
    [many] تجاوزت المحادثة ما يتسع له النموذج، فتُرك أقدم { $count } سؤالًا وأجوبتها.
   *[other] تجاوزت المحادثة ما يتسع له النموذج، فتُرك أقدم { $count } سؤال وأجوبتها.
}

facts-slices = { $count ->
    [one] مقطع واحد
    [two] مقطعان
    [few] { $count } مقاطع
    [many] { $count } مقطعًا
   *[other] { $count } مقطع
}
facts-frames = { $count ->
    [one] إطار واحد
    [two] إطاران
    [few] { $count } إطارات
    [many] { $count } إطارًا
   *[other] { $count } إطار
}
facts-images = { $count ->
    [one] صورة واحدة
    [two] صورتان
    [few] { $count } صور
    [many] { $count } صورة
   *[other] { $count } صورة
}
facts-millimetres = { "\u2066" }{ $number } mm{ "\u2069" }
facts-spacing = { "\u2066" }{ $number } mm/px{ "\u2069" }
facts-magnification = { "\u2066" }{ $number }×{ "\u2069" }
facts-size = { "\u2066" }{ $columns } × { $rows }{ "\u2069" }
frames-missing = { $count ->
    [one] تعذّرت قراءة صورة واحدة من هذه السلسلة فتُركت.
    [two] تعذّرت قراءة صورتين من هذه السلسلة فتُركتا.
    [few] تعذّرت قراءة { $count } صور من هذه السلسلة فتُركت.
   *[other] تعذّرت قراءة { $count } صورة من هذه السلسلة فتُركت.
}

suggest-any-1 = ما نوع هذه الصورة؟
suggest-any-2 = صف هذه الصورة.
suggest-any-3 = هل توجد موجودات غير طبيعية؟
suggest-radiograph-1 = ما نوع هذه الصورة؟
suggest-radiograph-2 = هل توجد موجودات غير طبيعية؟
suggest-radiograph-3 = في أي جهة؟
suggest-radiograph-4 = صف هذه الصورة.
suggest-head-1 = ما نوع هذه الصورة؟
suggest-head-2 = هل يوجد نزف؟
suggest-head-3 = في أي جهة؟
suggest-head-4 = صف هذه الصورة.
suggest-ct-1 = ما نوع هذه الصورة؟
suggest-ct-2 = أي جزء من الجسم يظهر؟
suggest-ct-3 = هل توجد موجودات غير طبيعية؟
suggest-ct-4 = صف هذه الصورة.
suggest-mr-1 = ما نوع هذه الصورة؟
suggest-mr-2 = هل توجد آفة؟
suggest-mr-3 = في أي جهة؟
suggest-mr-4 = صف هذه الصورة.
suggest-histology-1 = ما نوع هذه الصورة؟
suggest-histology-2 = ما الصبغة المستعملة؟
suggest-histology-3 = ما كثافة الخلايا؟
suggest-histology-4 = صف هذه الصورة.

error-empty-question = لا يوجد سؤال بعد. اكتب سؤالًا ثم اضغط «إرسال».
error-question-too-long = السؤال أطول من 20,000 حرف. اختصره وأرسله مرة أخرى؛ نصّك ما زال في المربع.
error-still-answering = ما زالت إجابة أخرى تُكتب في هذه المحادثة. انتظر انتهاءها أو اضغط «إيقاف»، ثم أرسل مرة أخرى.
error-contradictory-rating = التقييم وأسبابه غير متفقة. أعد تحميل الصفحة ثم قيّم مرة أخرى.
error-moved-on = أُضيف شيء إلى هذه المحادثة في هذه الأثناء، ربما من نافذة أخرى. اطّلع على الجديد ثم حاول مرة أخرى.
error-malformed-view = ما في الصفحة لا يطابق ما لدى البرنامج. أعد تحميل الصفحة ثم اسأل مرة أخرى.
error-not-found = هذه المحادثة أو الصورة لم تعد هنا. ربما مُحيت؛ ابدأ محادثة جديدة.
error-nothing-to-regenerate = لا يوجد بعد سؤال تُعاد الإجابة عنه. اطرح سؤالًا أولًا.
error-upload-too-large = هذه الملفات معًا أكبر مما تسمح به هذه النسخة المثبّتة. أرسِل عددًا أقل، أو اطلب من مشغّل البرنامج رفع قيمة BASIRA_UPLOAD_MB.
error-image-underway = هذه الصورة ما زالت في طريقها، ولا يراها النموذج بعد. أعد السؤال بعد لحظات؛ سؤالك ما زال في المربع.
error-no-files = لم يصل أي ملف. اختر ملفًا أو أكثر وأرسلها مرة أخرى.
error-unexpected = حدث خطأ داخل البرنامج. لم تفقد شيئًا مما كتبت؛ حاول مرة أخرى، وأخبر مشغّل البرنامج إن تكرر.

keys-title = المفاتيح
keys-image = على الصورة
keys-page = في أي مكان
key-next = المقطع التالي
key-previous = المقطع السابق
key-ten-next = عشرة مقاطع إلى الأمام
key-ten-previous = عشرة مقاطع إلى الوراء
key-first = المقطع الأول
key-last = المقطع الأخير
key-drag = السحب بالأداة المختارة
key-preset = النافذة الجاهزة ذات هذا الرقم
key-closer = تقريب
key-farther = إبعاد
key-question = إلى مربع السؤال
key-list = هذه القائمة
key-leave-box = من مربع السؤال إلى الصورة
skip-to-question = الانتقال إلى مربع السؤال
