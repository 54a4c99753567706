package config

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// readAnnotations reads the pod's annotations as the downward API writes them
// into dir, and takes the limits among them. No file means no limits.
func (c *Config) readAnnotations(dir string) error {
	path := filepath.Join(dir, "annotations")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading annotations: %w", err)
	}
	values := parseAnnotations(string(data))
	var errs []error
	for _, a := range []struct {
		key string
		set func(n int64)
	}{
		{"seldon.io/rest-timeout", func(n int64) { c.RESTTimeout = time.Duration(n) * time.Millisecond }},
		{"seldon.io/grpc-timeout", func(n int64) { c.GRPCTimeout = time.Duration(n) * time.Millisecond }},
		{"seldon.io/grpc-max-message-size", func(n int64) { c.GRPCMaxMessageBytes = int(n) }},
	} {
		text, ok := values[a.key]
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt32 {
			errs = append(errs, fmt.Errorf("%s: annotation %s: %q is not a number from 0 to %d", path, a.key, text, math.MaxInt32))
			continue
		}
		a.set(n)
	}
	return errors.Join(errs...)
}

// parseAnnotations reads lines of key="value", the value quoted as Go quotes
// strings. A value may hold "=". Lines of another shape are passed over: the
// file is not the user's to write, and one odd line must not take the others
// with it.
func parseAnnotations(text string) map[string]string {
	values := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			continue
		}
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		values[strings.TrimSpace(key)] = value
	}
	return values
}
