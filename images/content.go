package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
)

const (
	// userID runs the programs. It is the number that installations of Seldon
	// Core v1 use, as their pod security policies and volumes expect it.
	userID = "8888"
	// defaultAuthorities is where Debian, Alpine and others keep the
	// certificates. Go's programs look there too.
	defaultAuthorities = "/etc/ssl/certs/ca-certificates.crt"
)

// accounts let programs that look up their own user find one.
const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\nradiant:x:" + userID + ":" + userID + ":radiant:/tmp:/sbin/nologin\n"
	groups = "root:x:0:\nradiant:x:" + userID + ":\n"
)

// content lists the files of an image: all that a static program needs of a
// system, and the licences of what it was built from.
func content(ctx context.Context, b *binary, authorities []byte, source string) ([]file, error) {
	files := []file{
		{path: b.program.binary, mode: 0o755, content: b.content},
		{path: "etc/passwd", mode: 0o644, content: []byte(passwd)},
		{path: "etc/group", mode: 0o644, content: []byte(groups)},
		{path: defaultAuthorities[1:], mode: 0o644, content: authorities},
		{path: "tmp", mode: fs.ModeDir | fs.ModeSticky | 0o777},
	}
	legal, err := licences(ctx, b, source)
	return append(files, legal...), err
}

// readAuthorities reads certificates and refuses a file that holds none, or
// something besides, such as a key.
func readAuthorities(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of authorities (on Debian, the package ca-certificates): %w", err)
	}
	found := 0
	for rest := text; ; found++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("reading the certificates of authorities: %s holds a %s", name, block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("reading the certificates of authorities: %s: certificate %d: %w", name, found+1, err)
		}
	}
	if found == 0 {
		return nil, fmt.Errorf("reading the certificates of authorities: %s holds none", name)
	}
	return text, nil
}

// legal matches the files that licences ask to be handed on.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|patents|authors)([.\-_].*)?$`)

// licences collects the legal files of Radiant, of the Go library and of each
// module in the program.
func licences(ctx context.Context, b *binary, source string) ([]file, error) {
	folders, err := moduleFolders(ctx, source)
	if err != nil {
		return nil, err
	}
	goRoot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("looking for Go's licence: %w", err)
	}
	var files []file
	var errs []error
	add := func(dir, name string) {
		found, err := legalFiles(dir, path.Join("licenses", name))
		files, errs = append(files, found...), append(errs, err)
	}
	add(source, b.info.Main.Path)
	add(string(bytes.TrimSpace(goRoot)), "go")
	for _, m := range b.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		add(folders[m.Path], m.Path)
	}
	return files, errors.Join(errs...)
}

// moduleFolders says where the sources of each module are.
func moduleFolders(ctx context.Context, source string) (map[string]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-json=Path,Dir", "all")
	cmd.Dir = source
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing modules: %w", err)
	}
	folders := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Path, Dir string }
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, fmt.Errorf("listing modules: %w", err)
		}
		folders[m.Path] = m.Dir
	}
}

// legalFiles reads the legal files of one folder; each module has one at least.
func legalFiles(dir, to string) ([]file, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for the licence of %s: %w", path.Base(to), err)
	}
	var files []file
	for _, e := range entries {
		if !e.Type().IsRegular() || !legal.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the licence of %s: %w", path.Base(to), err)
		}
		files = append(files, file{path: path.Join(to, e.Name()), mode: 0o644, content: text})
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("looking for the licence of %s: none in its folder", to)
	}
	return files, nil
}
