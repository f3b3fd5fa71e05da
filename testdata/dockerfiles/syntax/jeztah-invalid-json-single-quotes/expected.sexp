(cmd "['echo','single quotes are invalid JSON']")
