(from "scratch")
(run "<<EOF")
(onbuild (copy "<<-A" "<<B" "/x"))
(user "x")
