package certificate

import "os"

// Source is text in PEM: a file, or else the text itself.
type Source struct{ Text, File string }

// Empty reports whether there is neither.
func (s Source) Empty() bool { return s == Source{} }

// String names the source and does not show the text, which may be a key.
func (s Source) String() string {
	switch {
	case s.File != "":
		return s.File
	case s.Text != "":
		return "the text"
	}
	return ""
}

// GoString is String.
func (s Source) GoString() string { return s.String() }

func (s Source) read() ([]byte, error) {
	if s.File != "" {
		return os.ReadFile(s.File)
	}
	return []byte(s.Text), nil
}

// sourceFiles lists the files among the sources.
func sourceFiles(all ...Source) []string {
	var names []string
	for _, s := range all {
		if s.File != "" {
			names = append(names, s.File)
		}
	}
	return names
}
