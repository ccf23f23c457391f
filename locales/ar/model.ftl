# What a reader or an operator is told when the model cannot be loaded or cannot answer. One key per class of
# model/errors.py: what happened, and what to do.

error-model-error = أبلغ النموذج عن خطأ. أعد طرح السؤال، فإن تكرر الخطأ فأخبر مشغّل البرنامج.
error-checkpoint-error = لا يمكن استعمال ملفات النموذج بحالتها الراهنة. راجع مجلد النموذج ثم أعد التشغيل.
error-checkpoint-not-found = لم يُعثر على النموذج. اجعل BASIRA_MODEL مجلدًا على هذا الجهاز، أو نزّل النموذج أولًا.
error-checkpoint-incomplete = أحد ملفات النموذج مفقود أو ناقص. أعد تنزيل النموذج أو نسخه.
error-unknown-architecture = هذا النوع من النماذج غير مدعوم. يعرض الأمر «python -m app models» الأنواع المدعومة.
error-remote-code-refused = يتطلب هذا النموذج تشغيل شيفرة برمجية خاصة به، وهذا غير مسموح هنا مطلقًا. اختر نسخة بصيغة Hugging Face القياسية.
error-pickle-refused = أوزان هذا النموذج محفوظة بصيغة قد تُشغّل شيفرة عند فتحها، ولذلك لم تُفتح. حوّلها أولًا إلى صيغة safetensors.
error-quantization-unavailable = لا يمكن تحميل النموذج بهذه الدقة. اختر قيمة أخرى لـ BASIRA_QUANTIZATION، أو ثبّت المكتبة الناقصة المذكورة في سجلّ التشغيل.
error-tower-not-found = الجزء الذي يقرأ الصور من النموذج مفقود. ضع ملفاته في مجلد باسم «vision-tower» داخل مجلد النموذج.
error-self-test-failed = حُمّل النموذج لكنه أعطى نتائج لا معنى لها في اختباره الأول، فلن يُستعمل. اختر دقة أخرى (BASIRA_QUANTIZATION) أو أعد نسخ النموذج.
error-not-enough-memory = الذاكرة لا تكفي لهذا النموذج. اختر نموذجًا أصغر أو دقة 4 بت (BASIRA_QUANTIZATION=nf4)، أو أخلِ بعض الذاكرة.
error-request-error = تعذّرت الإجابة عن هذا السؤال. أعد طرحه.
error-images-not-accepted = يقرأ هذا النموذج النصوص وحدها. اسأل من دون صورة، أو اطلب تشغيل نموذج آخر.
error-wrong-image-count = الصور والنص في هذا السؤال غير متوافقين. ابدأ محادثة جديدة وأضف الصور من جديد.
error-unreadable-image = تعذّر تجهيز إحدى الصور للنموذج. احذفها ثم أضفها من جديد.
error-context-too-long = السؤال وصوره أطول مما يتسع له هذا النموذج. اختصر السؤال أو قلّل عدد الصور.
error-queue-full = عدد الأسئلة المنتظرة كبير. حاول مرة أخرى بعد دقيقة.
error-deadline-exceeded = استغرقت الإجابة وقتًا أطول من المسموح فأُنهيت. أعد السؤال أو اطرح سؤالًا أقصر.
error-out-of-memory = نفدت ذاكرة الجهاز أثناء هذه الإجابة. أعد السؤال بعدد أقل من الصور أو في محادثة جديدة.
error-numbers-broke = تعطّلت حسابات النموذج عند هذا السؤال. اطرحه بصياغة أخرى أو مع صورة أخرى.
error-generation-failed = حدث خلل أثناء كتابة الإجابة. أعد طرح السؤال، فإن تكرر الخلل فأخبر مشغّل البرنامج.
error-engine-closed = أُوقف النموذج. أعد تحميل الصفحة بعد أن يعود البرنامج إلى العمل.
error-remote-error = أبلغ خادم النموذج عن خطأ. حاول لاحقًا.
error-remote-unreachable = يتعذّر الوصول إلى خادم النموذج. تأكد من أنه يعمل ومن صحة العنوان في BASIRA_MODEL.
error-remote-refused = رفض خادم النموذج الطلب. راجع العنوان والمفتاح واسم النموذج في الإعدادات.
error-remote-busy = خادم النموذج مثقل بالطلبات. حاول مرة أخرى بعد دقيقة.
