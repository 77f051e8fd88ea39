module github.com/beep-chat/beep/tools/tally

go 1.26
