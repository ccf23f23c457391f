# What a model reads about a picture beside its pixels. Plain words and plain order: no marks of direction.
told-picture = About this image: { $facts }.
told-one-of-many = Image { $number }: { $facts }.
told-separator = {", "}
told-thickness = slice thickness { $number } mm
told-kvp = { $number } kV
told-repetition-time = TR { $number } ms
told-echo-time = TE { $number } ms
told-b-value = b { $number } s/mm²
told-frame-time = { $number } ms per frame
told-spacing = pixel spacing { $number } mm
told-magnification = { $number }× objective
told-microns = { $number } µm per pixel
told-slice = slice { $number } of { $count }
told-window = window width { $width }, level { $level }
told-part = only a part of the image is shown
