package local

import (
	"fmt"
	"os"
	"path/filepath"
)

// Machine is what [Options] take from the machine that radiant runs on.
type Machine struct {
	// Environ is the environment as KEY=value.
	Environ []string
	// CacheDir is XDG_CACHE_HOME/radiant, ~/.cache/radiant where that is not set.
	CacheDir string
	// Plain says that the terminal is to get plain lines (NO_COLOR, or a dumb
	// terminal).
	Plain bool
	// BinDir is the folder of the running program.
	BinDir string
}

// ThisMachine reads the environment; nothing else in this package does.
func ThisMachine() (Machine, error) {
	m := Machine{Environ: os.Environ(), Plain: os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return Machine{}, fmt.Errorf("looking for the cache folder: %w", err)
		}
		cache = filepath.Join(home, ".cache")
	}
	m.CacheDir = filepath.Join(cache, "radiant")
	program, err := os.Executable()
	if err != nil {
		return Machine{}, fmt.Errorf("looking for the programs beside radiant: %w", err)
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		return Machine{}, fmt.Errorf("looking for the programs beside radiant: %w", err)
	}
	m.BinDir = filepath.Dir(program)
	return m, nil
}
