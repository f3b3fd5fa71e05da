(arg "foo" "bar=baz")
(from "ubuntu")
(arg "abc=\"123 456\"" "def")
