# ما يقرؤه النموذج عن الصورة إلى جانب بكسلاتها. كلمات بترتيبها، بلا علامات اتجاه.
told-picture = عن هذه الصورة: { $facts }.
told-one-of-many = الصورة { $number }: { $facts }.
told-separator = {"، "}
told-thickness = سُمك المقطع { $number } mm
told-kvp = { $number } kV
told-repetition-time = TR { $number } ms
told-echo-time = TE { $number } ms
told-b-value = b { $number } s/mm²
told-frame-time = { $number } ms لكل إطار
told-spacing = المسافة بين البكسلات { $number } mm
told-magnification = عدسة شيئية { $number }×
told-microns = { $number } µm لكل بكسل
told-slice = المقطع { $number } من { $count }
told-window = عرض النافذة { $width } ومستواها { $level }
told-part = يظهر جزء من الصورة فقط
