package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/wording"
)

// noNamespace is the folder of objects without a namespace.
const noNamespace = "default"

// writeFolder writes each object to a file of its own. Files that are as they
// should be are not touched; manifests in the folder that belong to no object
// are named and left alone, since they may be anybody's.
func writeFolder(dir string, all []rendered, report io.Writer) error {
	written := map[string]bool{}
	changed := 0
	for _, r := range all {
		for _, o := range r.objects {
			text, err := expand.Marshal([]expand.Object{o})
			if err != nil {
				return err
			}
			name := strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind) + "-" + o.GetName() + ".yaml"
			path := filepath.Join(dir, cmp.Or(o.GetNamespace(), noNamespace), r.name, name)
			written[path] = true
			news, err := update(path, bytes.TrimPrefix(text, []byte("---\n")))
			if err != nil {
				return fmt.Errorf("writing objects: %w", err)
			}
			if news {
				changed++
			}
		}
	}
	if err := reportStrangers(dir, written, report); err != nil {
		return fmt.Errorf("looking through %s: %w", dir, err)
	}
	_, err := fmt.Fprintf(report, "%s in %s, %d of them new or changed\n", wording.Count(len(written), "object"), dir, changed)
	return err
}

// update writes a file unless it holds the text already.
func update(path string, text []byte) (changed bool, err error) {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, text) {
		return false, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, err
	}
	return true, os.WriteFile(path, text, 0o644)
}

func reportStrangers(dir string, written map[string]bool, report io.Writer) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !isManifest(e) || written[path] {
			return err
		}
		_, err = fmt.Fprintf(report, "%s: note: is no object of these deployments; it is left as it is\n", path)
		return err
	})
}
