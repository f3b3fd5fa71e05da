(from "image")
