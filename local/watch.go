package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long files must be left alone before they are read:
// editors write a file in several steps.
const settleTime = 150 * time.Millisecond

// watch reports changes of files.
type watch struct {
	watcher *fsnotify.Watcher
	// changes gets a value when something that is watched has changed and
	// settled.
	changes chan struct{}
	done    chan struct{}

	mu sync.Mutex
	// files and folders are those that the user named; followed are folders of
	// what these name in turn.
	files, folders, followed map[string]bool
}

// watchFiles watches the files, and what is in the folders. The folders of files
// are watched in their place, because many editors replace a file by another.
// Without paths nothing is watched, and the result is nil.
func watchFiles(paths []string) (*watch, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching files: %w", err)
	}
	w := &watch{
		watcher: watcher, changes: make(chan struct{}, 1), done: make(chan struct{}),
		files: map[string]bool{}, folders: map[string]bool{}, followed: map[string]bool{},
	}
	var errs []error
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		folder := absolute
		if info, err := os.Stat(absolute); err == nil && info.IsDir() {
			w.folders[absolute] = true
		} else {
			w.files[absolute] = true
			folder = filepath.Dir(absolute)
		}
		errs = append(errs, watcher.Add(folder))
	}
	if err := errors.Join(errs...); err != nil {
		watcher.Close()
		return nil, fmt.Errorf("watching files: %w", err)
	}
	go func() {
		defer close(w.done)
		settle(watcher, w.concerns, w.changes)
	}()
	return w, nil
}

// follow watches these folders too, in place of those that it was given before. A
// folder that is gone, or one too many for this machine, is left out.
func (w *watch) follow(folders []string) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.followed = map[string]bool{}
	for _, folder := range folders {
		w.followed[folder] = w.watcher.Add(folder) == nil
	}
}

func (w *watch) concerns(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	folder := filepath.Dir(name)
	return w.files[name] || w.folders[folder] || w.followed[folder] && !passing(name)
}

// changed is the channel of changes; nil, which never has one, where nothing is
// watched.
func (w *watch) changed() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.changes
}

func (w *watch) stop() {
	if w != nil {
		w.watcher.Close()
		<-w.done
	}
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
