package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long files must be left alone before they are read:
// editors write a file in several steps.
const settleTime = 150 * time.Millisecond

// watchFiles reports on the channel when one of the files, or something in
// one of the folders, has changed and settled. The folders of files are
// watched in their place, because many editors replace a file by another.
func watchFiles(paths []string) (changes <-chan struct{}, stop func(), err error) {
	if len(paths) == 0 {
		return nil, func() {}, nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, nil, fmt.Errorf("watching files: %w", err)
	}
	files, folders := map[string]bool{}, map[string]bool{}
	var errs []error
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		folder := absolute
		if info, err := os.Stat(absolute); err == nil && info.IsDir() {
			folders[absolute] = true
		} else {
			files[absolute] = true
			folder = filepath.Dir(absolute)
		}
		errs = append(errs, watcher.Add(folder))
	}
	if err := errors.Join(errs...); err != nil {
		watcher.Close()
		return nil, nil, fmt.Errorf("watching files: %w", err)
	}
	concerns := func(name string) bool { return files[name] || folders[filepath.Dir(name)] }
	settled := make(chan struct{}, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		settle(watcher, concerns, settled)
	}()
	return settled, func() { watcher.Close(); <-done }, nil
}

// settle passes on bursts of events as one change each, until the watcher is
// closed.
func settle(watcher *fsnotify.Watcher, concerns func(string) bool, settled chan<- struct{}) {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case event, ok := <-watcher.Events:
			if !ok {
				return
			}
			if concerns(event.Name) && event.Op != fsnotify.Chmod {
				timer.Reset(settleTime)
			}
		case _, ok := <-watcher.Errors:
			if !ok {
				return
			}
			// Events may have been lost, so look.
			timer.Reset(settleTime)
		case <-timer.C:
			select {
			case settled <- struct{}{}:
			default:
			}
		}
	}
}
