package transfer

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
)

// journal remembers which bytes of which files have arrived, so that a run
// that was killed is not in vain. It is a file to which lines are added.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

// entry is one line of a journal.
type entry struct {
	Name    string `json:"n"`
	Version string `json:"v"`
	Size    int64  `json:"s"`
	From    int64  `json:"f,omitempty"`
	To      int64  `json:"t,omitempty"`
	// Digest was compared; "-" where there is none to compare.
	Digest string `json:"d,omitempty"`
	// Drop says that what was there before is of no use.
	Drop bool `json:"x,omitempty"`
}

// past is what a journal knows of one file.
type past struct {
	version string
	size    int64
	there   spans
	digest  string
}

// openJournal reads what an earlier run wrote, and continues it. A line that
// was cut off by the end of that run is left out.
func openJournal(path string) (*journal, map[string]*past, error) {
	known, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	// After a line that was cut off, the next one begins on its own.
	if len(known) > 0 {
		if _, err := f.WriteString("\n"); err != nil {
			return nil, nil, errors.Join(err, f.Close())
		}
	}
	return &journal{file: f}, known, nil
}

func readJournal(path string) (map[string]*past, error) {
	known := map[string]*past{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		p := known[e.Name]
		if p == nil || e.Drop || p.version != e.Version || p.size != e.Size {
			p = &past{version: e.Version, size: e.Size}
			known[e.Name] = p
		}
		p.there = p.there.add(span{e.From, e.To})
		if e.Digest != "" {
			p.digest = e.Digest
		}
	}
	return known, lines.Err()
}

func (j *journal) add(e entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err = j.file.Write(append(line, '\n'))
	return err
}

func (j *journal) close() error { return j.file.Close() }
