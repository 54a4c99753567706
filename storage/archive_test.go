package storage

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func regular(name, content string) tarEntry {
	return tarEntry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(content))}, content}
}

func symlink(name, target string) tarEntry {
	return tarEntry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}, ""}
}

type tarEntry struct {
	header  tar.Header
	content string
}

func tarball(t *testing.T, compress bool, entries ...tarEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		if err := w.WriteHeader(&e.header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !compress {
		return out.Bytes()
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(out.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return zipped.Bytes()
}

func zipball(t *testing.T, mode fs.FileMode, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range files {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(mode)
		f, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func fetchArchive(t *testing.T, name string, archive []byte, o Options) (dst string, err error) {
	t.Helper()
	source := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(source, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	dst = filepath.Join(t.TempDir(), "models")
	return dst, Fetch(t.Context(), source, dst, o)
}

func TestUnpack(t *testing.T) {
	want := map[string]string{"1/saved_model.pb": "graph", "1/assets/words": "a b"}
	entries := []tarEntry{regular("./1/saved_model.pb", "graph"), regular("1/assets/words", "a b")}
	for name, archive := range map[string][]byte{
		"m.tar":    tarball(t, false, entries...),
		"m.tar.gz": tarball(t, true, entries...),
		"M.TGZ":    tarball(t, true, entries...),
		"m.zip":    zipball(t, 0o600, want),
	} {
		t.Run(name, func(t *testing.T) {
			dst, err := fetchArchive(t, name, archive, Options{})
			if err != nil {
				t.Fatal(err)
			}
			wantTree(t, dst, want)
			info, err := os.Stat(filepath.Join(dst, "1/saved_model.pb"))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != 0o644 {
				t.Errorf("file has mode %o, which other users cannot read", info.Mode().Perm())
			}
		})
	}
}

func TestUnpackKeepsLinksThatStayInside(t *testing.T) {
	dst, err := fetchArchive(t, "m.tar", tarball(t, false,
		symlink("snapshot/model", "../blobs/abc"), regular("blobs/abc", "weights"),
		tarEntry{tar.Header{Name: "hard", Typeflag: tar.TypeLink, Linkname: "blobs/abc"}, ""},
	), Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantTree(t, dst, map[string]string{"snapshot/model": "weights", "blobs/abc": "weights", "hard": "weights"})
}

func TestUnpackRefuses(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string]string{"passwd": "secret"})
	for name, c := range map[string]struct {
		archive []byte
		file    string
		want    string
	}{
		"parent":           {tarball(t, false, regular("../evil", "x")), "m.tar", `"../evil" leads out of the archive`},
		"parent inside":    {tarball(t, true, regular("a/../../evil", "x")), "m.tgz", "leads out of the archive"},
		"absolute":         {tarball(t, false, regular("/tmp/evil", "x")), "m.tar", `"/tmp/evil" leads out of the archive`},
		"zip parent":       {zipball(t, 0o644, map[string]string{"../evil": "x"}), "m.zip", "leads out of the archive"},
		"link out":         {tarball(t, false, symlink("a", outside+"/passwd")), "m.tar", "link a leads out of the archive"},
		"relative out":     {tarball(t, false, symlink("a", "../../../../../../../../etc/passwd")), "m.tar", "link a leads out of the archive"},
		"detour":           {tarball(t, false, symlink("x", "."), symlink("y", "x/..")), "m.tar", "link y leads out of the archive"},
		"dangling":         {tarball(t, false, symlink("a", "nowhere")), "m.tar", "link a leads out of the archive or nowhere"},
		"write through":    {tarball(t, false, symlink("d", outside), regular("d/passwd", "changed")), "m.tar", "escapes"},
		"zip link out":     {zipball(t, fs.ModeSymlink|0o777, map[string]string{"a": outside}), "m.zip", "link a leads out of the archive"},
		"hard link out":    {tarball(t, false, tarEntry{tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "../../../../etc/passwd"}, ""}), "m.tar", "escapes"},
		"device":           {tarball(t, false, tarEntry{tar.Header{Name: "d", Typeflag: tar.TypeChar}, ""}), "m.tar", "neither a file nor a folder"},
		"empty":            {tarball(t, false), "m.tar", "the archive is empty"},
		"not an archive":   {[]byte("<html>page not found</html>"), "m.tar.gz", "gzip: invalid header"},
		"unpacks too much": {tarball(t, true, regular("a", string(make([]byte, 100_000)))), "m.tgz", "larger than the limit"},
	} {
		t.Run(name, func(t *testing.T) {
			dst, err := fetchArchive(t, c.file, c.archive, Options{MaxBytes: 50_000})
			wantError(t, err, "unpacking "+c.file, c.want)
			wantAbsent(t, dst)
		})
	}
	wantTree(t, outside, map[string]string{"passwd": "secret"})
}
