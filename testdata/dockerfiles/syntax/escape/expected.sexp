(from "image")
(label "maintainer" "foo@bar.com" "")
(env "GOPATH" "\\go" "")
