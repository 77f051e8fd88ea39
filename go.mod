module github.com/beep-chat/beep

go 1.26
