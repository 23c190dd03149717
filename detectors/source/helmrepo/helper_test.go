package helmrepo

func helperMain() bool { return false }
