package memory

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// reserve reserves addresses, which take memory when they are written.
func reserve(size int) ([]byte, error) {
	region, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserving memory for a message: %w", err)
	}
	return region, nil
}

// discard gives the memory of the first bytes back to the system; the addresses
// stay.
func discard(region []byte, written int) {
	if written > 0 {
		// Pages are discarded whole; the last one may reach behind what was written.
		_ = unix.Madvise(region[:written], unix.MADV_DONTNEED)
	}
}

func unreserve(region []byte) { _ = unix.Munmap(region) }
