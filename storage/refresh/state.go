package refresh

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/discovery"
)

// StateName is the file in the folder that says what is known of its versions.
const StateName = discovery.FileName

// state is what that file says: a [discovery.Found] and what only a refresher wants to
// know.
type state struct {
	Ready bool   `json:"ready"`
	Store string `json:"store,omitempty"`
	// Start is nil where the server takes versions while it runs.
	Start *discovery.Start `json:"start,omitempty"`
	// Current is what the store has, if it has one state at a time.
	Current  *current  `json:"current,omitempty"`
	Versions []Version `json:"versions"`
}

// Version is what is known of one version.
type Version struct {
	discovery.Known
	// Signature is of its files in the store. What was refused with one is not looked
	// into again as long as they stay.
	Signature string `json:"signature,omitempty"`
	// Tried is the signature of what could not be fetched so often in a row, and is not
	// tried again before a time.
	Tried string     `json:"tried,omitempty"`
	Tries int        `json:"tries,omitempty"`
	Again *time.Time `json:"again,omitempty"`
}

func readState(dir string) (s state) {
	text, err := os.ReadFile(filepath.Join(dir, StateName))
	if err != nil || json.Unmarshal(text, &s) != nil {
		return state{}
	}
	return s
}

// IsReady reports whether a folder has had a version, so that a server may start.
func IsReady(dir string) bool { return readState(dir).Ready }

// of is what is known of a version.
func (s *state) of(number int64) Version {
	for _, v := range s.Versions {
		if v.Version == number {
			return v
		}
	}
	return Version{Known: discovery.Known{Version: number}}
}

func (s *state) set(v Version) {
	s.remove(v.Version)
	s.Versions = append(s.Versions, v)
	slices.SortFunc(s.Versions, func(a, b Version) int { return cmp.Compare(a.Version, b.Version) })
}

func (s *state) remove(number int64) {
	s.Versions = slices.DeleteFunc(s.Versions, func(v Version) bool { return v.Version == number })
}

// refuse notes why a version is not there, and says so once.
func (r *Refresher) refuse(v version, mark, kind string, err error) {
	known := r.state.of(v.number)
	if known.Refused == "" || known.Kind != kind || known.Signature != mark {
		r.Log.Warn("a version is refused", "version", v.number, "reason", err.Error())
		known.Since = r.Now()
	} else if withoutDigits(known.Refused) == withoutDigits(err.Error()) {
		err = errors.New(known.Refused) // What is left of a disk changes all the time.
	}
	r.state.set(Version{
		Known:     discovery.Known{Version: v.number, Since: known.Since, Refused: err.Error(), Kind: kind},
		Signature: mark,
	})
}

func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return -1
		}
		return r
	}, text)
}

// refusals are what was refused, as an error.
func (r *Refresher) refusals() error {
	var all []error
	for _, v := range r.state.Versions {
		if v.Refused != "" {
			all = append(all, fmt.Errorf("version %d: %s", v.Version, v.Refused))
		}
	}
	return errors.Join(all...)
}

// write writes the state, if it is another one than the file has. Why it cannot be
// written is said once.
func (r *Refresher) write(ready bool) error {
	r.state.Ready = r.state.Ready || ready
	err := r.state.write(r.Dir)
	was := r.unwritten
	r.unwritten = ""
	if err != nil {
		if r.unwritten = err.Error(); r.unwritten != was {
			r.Log.Error("what is known of the versions cannot be written down", "error", r.unwritten)
		}
	}
	return err
}

func (s *state) write(dir string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, StateName)
	if was, err := os.ReadFile(file); err == nil && string(was) == string(text)+"\n" {
		return nil
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil { // The server's user may read it.
		return fmt.Errorf("writing %s: %w", StateName, err)
	}
	return os.Rename(file+".new", file)
}
