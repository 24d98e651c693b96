package exchange

import "syscall"

// The errors of the operating system for a connection that is refused, and for one that is reset. On Windows these are
// socket errors, which do not match the constants that package syscall takes from Unix.
const (
	ConnRefused = syscall.Errno(10061) // WSAECONNREFUSED
	ConnReset   = syscall.WSAECONNRESET
)
