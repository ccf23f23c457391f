# ما تقوله نصوص التهيئة قبل أن يعمل Python. سطر واحد لكل منها، والقيمتان { $first } و{ $second }.
setup-usage = ‏“{ $first }” ليس خيارًا معروفًا: استعمل run أو test.
setup-python = يلزم Python 3.11 أو أحدث. للحصول عليه: { $first }
setup-venv = الوحدة venv من Python غير موجودة. للحصول عليها: { $first }
setup-disk = يلزم { $first } غيغابايت من المساحة الحرّة للمكتبات، والمتاح { $second }. أفسح مكانًا، أو حدّد ‎DISK_GB=…‎ إن كان أقل من ذلك يكفي.
setup-installing = تُثبَّت المكتبات الآن في ‎.venv‎. يستغرق ذلك عدة دقائق، مرة واحدة فقط.
setup-install = تعذّر تثبيت المكتبات؛ السبب أعلاه وفي { $first }. تحقّق من الشبكة ثم أعد الأمر نفسه.
setup-package = لا توجد المكتبة ‎“{ $first }”‎ في Python هذا. يثبّت الأمر ‎“make run”‎ كل ما يلزم، ثم استعمل ‎“.venv/bin/python -m app”‎.
setup-chromium-installing = تحتاج اختبارات المتصفّح إلى Chromium وهو غير موجود: يجري تثبيته.
setup-chromium = تحتاج اختبارات المتصفّح إلى Chromium. للحصول عليه: { $first }
setup-chromium-start = لا يبدأ Chromium على هذا الجهاز ({ $first }). للحصول على ما ينقص: { $second }
setup-browsers-installing = تُختبر الصفحة أيضًا في Firefox وWebKit، وليسا كلاهما هنا: يجري تثبيتهما.
setup-browsers = تُتخطّى اختبارات Firefox وWebKit. للحصول عليهما: { $first }
