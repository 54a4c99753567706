package cases

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Run sends a request as often as it says and compares each answer; each of the
// expected answers has to come at least once.
func Run(address, folder string, r Request) error {
	seen := map[string]bool{}
	for range max(r.Repeat, 1) {
		a, err := Send(address, folder, r)
		if err != nil {
			return err
		}
		if want := r.Want(); a.Status != want {
			return fmt.Errorf("status %d, want %d: %s", a.Status, want, a.Body)
		}
		if len(r.Expected()) == 0 {
			continue
		}
		file, err := matching(folder, r, a)
		if err != nil {
			return err
		}
		seen[file] = true
	}
	for _, file := range r.Expected() {
		if !seen[file] {
			return fmt.Errorf("no answer was as in %s in %d tries", file, max(r.Repeat, 1))
		}
	}
	return nil
}

// matching returns which of the expected files says what was answered, or an
// error that says where the last of them differs.
func matching(folder string, r Request, a Answer) (string, error) {
	var differences error
	for _, file := range r.Expected() {
		want, err := readJSON(filepath.Join(folder, file))
		if err != nil {
			return "", err
		}
		if differences = compare("", want, a.Value, r.Tolerance); differences == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%w\nanswer: %s", differences, a.Body)
}

func readJSON(path string) (any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	value, err := decodeJSON(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return value, nil
}

func decodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// compare says where got is not as expected: each key of an expected object
// must be there, lists have equal length, numbers may be off by tolerance.
func compare(path string, want, got any, tolerance float64) error {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: got %v, want an object", path, got)
		}
		for key, value := range want {
			if err := compare(path+"."+key, value, object[key], tolerance); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return fmt.Errorf("%s: got %v, want %d elements", path, got, len(want))
		}
		for i := range want {
			if err := compare(fmt.Sprintf("%s[%d]", path, i), want[i], list[i], tolerance); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		if number, ok := got.(json.Number); ok && near(want, number, tolerance) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s: got %v, want %v", path, got, want)
}

func near(want, got json.Number, tolerance float64) bool {
	if want == got {
		return true
	}
	a, errA := want.Float64()
	b, errB := got.Float64()
	return errA == nil && errB == nil && math.Abs(a-b) <= tolerance
}
