(from "scratch")
(user "€\u00a0😀 a\tb")
(cmd "\x01\x7f\u2028\ue000\U000f0000�" "\"\\\n\b")
