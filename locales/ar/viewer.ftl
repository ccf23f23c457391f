### عارض الصور. بلا متغيّرات: تُسلَّم كلها إلى العارض تسمياتٍ جاهزة.

viewer-name = عارض الصور
viewer-help = مفاتيح الأسهم لتغيير الشريحة، وعلامتا الجمع والطرح للتكبير والتصغير، ومفاتيح الأرقام لاختيار النافذة.
viewer-toolbar = أدوات الصورة
viewer-tool-window = السطوع والتباين: اسحب على الصورة
viewer-tool-move = تحريك الصورة المكبَّرة: اسحب
viewer-tool-scroll = التنقّل بين الشرائح: اسحب
viewer-fit = ملاءمة الصورة للشاشة
viewer-reset = العودة إلى العرض الأول
viewer-invert = عكس التدرّج الرمادي
viewer-overlay = العلامات المحفوظة في الملف
viewer-play = عرض الشرائح متتابعة
viewer-pause = إيقاف مؤقت
viewer-presets = إعدادات النافذة الجاهزة
viewer-slice = الشريحة
viewer-series = السلسلة
viewer-strip = الشرائح والسلاسل
viewer-loading = جارٍ تحميل الصورة…
viewer-failed = تعذّر تحميل الصورة.
viewer-retry = أعد المحاولة
viewer-empty-title = لا توجد صورة بعد
viewer-empty-hint = أفلِت هنا ملف DICOM أو صورة، أو الصقها.
