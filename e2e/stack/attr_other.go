//go:build unix && !linux

package stack

import "syscall"

// procAttr cannot tie the child to us here: after a SIGKILL of the tests it has to be ended by hand.
func procAttr(user *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: user, Setpgid: true}
}

// frozen cannot look at the threads here.
func frozen(int) error { return nil }
