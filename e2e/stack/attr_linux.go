package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// procAttr ties the child to us: the kernel sends it orphan when we die. It has a process group of its own, so that
// an interrupt at the terminal reaches it through us, in order, and not beside us.
func procAttr(user *syscall.Credential, orphan syscall.Signal) *syscall.SysProcAttr {
	if orphan == 0 {
		orphan = syscall.SIGKILL
	}
	// By «us» the kernel means the thread that started it. Go ends a thread only with a goroutine that is locked to it.
	return &syscall.SysProcAttr{Credential: user, Setpgid: true, Pdeathsig: orphan}
}

// frozen is nil when every thread of the process is stopped.
func frozen(pid int) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return err
	}
	for _, stat := range threads {
		text, err := os.ReadFile(stat)
		if err != nil {
			return err
		}
		// The state is the letter after the name, which stands in brackets and may hold any character.
		_, state, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')'):]), " ")
		if !strings.HasPrefix(state, "T") {
			return fmt.Errorf("a thread of process %d still runs", pid)
		}
	}
	return nil
}
