# الغرض من كل إعداد BASIRA_… وما يُقال حين يتعذّر استعماله.

setting-unknown = الإعداد { $name } غير موجود. يعرض الأمر ‎“python -m app settings”‎ الإعدادات الموجودة.
setting-unknown-close = الإعداد { $name } غير موجود. هل تقصد { $close }؟
setting-malformed = لا يمكن استعمال الإعداد { $name } كما هو: يجب أن يكون { $expected }.

expected-text = نصًّا لا تحيط به مسافات
expected-whole = عددًا صحيحًا من { $low } إلى { $high }
expected-number = عددًا من { $low } إلى { $high }
expected-choice = واحدًا من: { $options }
expected-folder = مجلدًا (يُنشأ إن لم يكن موجودًا)
expected-names = أسماءً بلا منفذ، تفصل بينها الفاصلة ‎“,”‎

setting-host = العنوان الذي يُستمع عليه. أي عنوان غير ‎127.0.0.1‎ يتيح الصفحة لأجهزة أخرى.
setting-hostnames = أسماء أخرى تُطلب بها الصفحة، تفصل بينها الفاصلة ‎“,”‎: اسمها على الشبكة أو خلف خادم وسيط.
setting-port = المنفذ الذي يُستمع عليه.
setting-data = المجلد الوحيد الذي يُحفظ فيه كل شيء: المحادثات والصور والتقييمات.
setting-lang = لغة الرسائل في الطرفية: en أو ar. ومن دونه تُستعمل لغة النظام.

setting-model = النموذج: demo، أو مجلد، أو اسم على Hugging Face، أو ‎openai:http://host:8000/v1#name‎.
setting-model-key = مفتاح نموذج يُوصَل إليه بـ ‎openai:…‎؛ لا يُعرض ولا يُسجَّل أبدًا.
setting-api-key = المفتاح الذي يجب أن يرسله من يستعمل serve-model؛ وهو لازم حين تستطيع أجهزة أخرى الوصول إليه.
setting-facts = هل تقرأ النماذج الحقيقية حقائق الصورة إلى جانب بكسلاتها: told (نعم) أو silent (لا). النموذج التوضيحي لا يقرؤها أبدًا.
setting-quantization = كيفية حفظ الأوزان في الذاكرة: nf4 ‏(4 بت) أو int8 أو bf16 أو fp32.
setting-max-new-tokens = أقصى طول للإجابة بعدد الرموز (tokens).
setting-temperature = مقدار العشوائية في الإجابة، و0 يعني بلا عشوائية. ومن دونه يُتَّبع ما يوصي به النموذج.
setting-top-p = مجموع الاحتمال الذي يُختار الرمز التالي من ضمنه. ومن دونه يُتَّبع ما يوصي به النموذج.
setting-seed = عدد يجعل الإجابات العشوائية قابلة للتكرار.
setting-batch = عدد الإجابات التي تُكتب في آن واحد.
setting-queue = أقصى عدد من الأسئلة المنتظرة؛ وما زاد عليه يُطلب من صاحبه المحاولة لاحقًا.
setting-answer-seconds = أطول مدة لإجابة واحدة بالثواني.

setting-upload-mb = أكبر حجم لعملية رفع واحدة بجميع ملفاتها، بالميبيبايت.
setting-file-mb = أكبر حجم للملف الواحد بالميبيبايت.
setting-files = أقصى عدد من الملفات في عملية رفع واحدة، بما فيها محتويات ملفات ZIP.
setting-frames = أقصى عدد من الإطارات في الملف الواحد.
setting-frame-megapixels = أكبر إطار بملايين البكسلات.
setting-file-megapixels = أكبر مجموع لإطارات الملف الواحد بملايين البكسلات.
setting-raster-megapixels = أكبر صورة PNG أو JPEG أو TIFF أو WebP بملايين البكسلات.
setting-nesting = أعمق تداخل لتسلسلات DICOM.
setting-elements = أقصى عدد من عناصر البيانات في ملف DICOM واحد.
setting-inflated-mb = أقصى حجم يُفكّ إليه ملف DICOM المضغوط (deflated)، بالميبيبايت.
setting-zip-ratio = أكبر نسبة بين الحجم بعد الفكّ وقبله لملف ZIP.
setting-workers = عدد العمليات التي تقرأ الملفات وتفكّ ترميزها.
setting-worker-mb = حدّ الذاكرة لكل منها بالميبيبايت.
setting-worker-seconds = أطول مدة لقراءة ترويسة واحدة أو فكّ ترميز إطار واحد، بالثواني.
setting-scan-seconds = أطول مدة لقراءة الترويسات وحدها، بالثواني.
setting-frame-seconds = زمن المعالج المسموح لأي إطار DICOM بالثواني، وتزيده بكسلاته.
setting-megapixels-per-second = عدد ملايين البكسلات من إطار DICOM التي تزيد ذلك الزمن ثانية واحدة.
