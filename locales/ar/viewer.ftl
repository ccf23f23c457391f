### عارض الصور. بلا متغيّرات: تُسلَّم كلها إلى العارض تسمياتٍ جاهزة.

viewer-name = عارض الصور
viewer-help = مفاتيح الأسهم لتغيير المقطع، وعلامتا الجمع والطرح للتكبير والتصغير، ومفاتيح الأرقام لاختيار النافذة.
viewer-toolbar = أدوات الصورة
viewer-tool-window = السطوع والتباين: اسحب على الصورة
viewer-tool-move = تحريك الصورة المكبَّرة: اسحب
viewer-tool-scroll = التنقّل بين المقاطع: اسحب
viewer-fit = ملاءمة الصورة للشاشة
viewer-reset = العودة إلى العرض الأصلي
viewer-invert = عكس درجات الرمادي
viewer-overlay = العلامات المحفوظة في الملف
viewer-play = تشغيل المقاطع تباعًا
viewer-pause = إيقاف مؤقت
viewer-presets = إعدادات النافذة الجاهزة
viewer-slice = المقطع
viewer-series = السلسلة
viewer-strip = المقاطع والسلاسل
viewer-loading = يجري تحميل الصورة…
viewer-failed = تعذّر تحميل الصورة.
viewer-retry = إعادة المحاولة
viewer-empty-title = لا توجد صورة بعد
viewer-empty-hint = أفلِت هنا ملف DICOM أو صورة، أو الصقها.
