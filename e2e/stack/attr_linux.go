package stack

import "syscall"

// procAttr ties the child to us: the kernel sends it orphan when we die. It has a process group of its own, so that
// an interrupt at the terminal reaches it through us, in order, and not beside us.
func procAttr(user *syscall.Credential, orphan syscall.Signal) *syscall.SysProcAttr {
	if orphan == 0 {
		orphan = syscall.SIGKILL
	}
	return &syscall.SysProcAttr{Credential: user, Setpgid: true, Pdeathsig: orphan}
}
