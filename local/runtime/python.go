package runtime

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prime-radiant/radiant/local/process"
	"github.com/prime-radiant/radiant/wording"
)

// pythons are the interpreters that are looked for, in this order. The
// packages have wheels for versions 3.11 and 3.12.
var pythons = [...]string{"python3.11", "python3.12", "python3"}

// versionCheck fails on an interpreter that the packages do not fit, or that
// cannot make virtual environments.
const versionCheck = `import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))`

// Console is where the installation says how far it is.
type Console interface {
	// Say prints a message, Progress one that the next may replace.
	Say(format string, args ...any)
	Progress(format string, args ...any)
}

// Python is the virtual environment that model servers run in: one for all,
// made on first use.
type Python struct {
	dir     string
	files   fs.FS
	console Console
	environ []string
}

// NewPython returns the environment below a cache folder. The lists of packages are
// python/SET.txt in files; each names the digests of what may be installed.
func NewPython(cache string, files fs.FS, c Console, environ []string) *Python {
	return &Python{dir: filepath.Join(cache, "python"), files: files, console: c, environ: environ}
}

// Dir is the folder of the environment.
func (p *Python) Dir() string { return p.dir }

// Ensure installs the sets of packages that are not installed yet. Two runs
// do not disturb each other: the second waits for the first.
func (p *Python) Ensure(ctx context.Context, sets []string) error {
	if len(sets) == 0 {
		return nil
	}
	var missing []string
	for _, set := range sets {
		if !p.installed(set) {
			missing = append(missing, set)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.create(ctx); err != nil {
		return err
	}
	for _, set := range missing {
		if p.installed(set) {
			continue
		}
		if err := p.install(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// list returns the locked packages of a set.
func (p *Python) list(set string) ([]byte, error) {
	list, err := fs.ReadFile(p.files, "python/"+set+".txt")
	if err != nil {
		return nil, fmt.Errorf("reading the list of Python packages %s: %w", set, err)
	}
	return list, nil
}

// mark is the file that says that a set, as it is listed now, is installed.
func (p *Python) mark(set string, list []byte) string {
	sum := sha256.Sum256(list)
	return filepath.Join(p.dir, "installed", set+"-"+hex.EncodeToString(sum[:8]))
}

func (p *Python) installed(set string) bool {
	list, err := p.list(set)
	if err != nil {
		return false
	}
	_, err = os.Stat(p.mark(set, list))
	return err == nil
}

// lock waits until no other run works on the environment.
func (p *Python) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(p.dir), 0o755); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	file, err := os.OpenFile(p.dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the Python environment: %w", err)
	}
	for said := false; syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil; {
		if !said {
			p.console.Say("waiting for another radiant that installs Python packages")
			said = true
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return func() { file.Close() }, nil
}

// create makes the environment unless there is one that works.
func (p *Python) create(ctx context.Context) error {
	if p.run(ctx, io.Discard, filepath.Join(p.dir, "bin", "python"), "-m", "pip", "--version") == nil {
		return nil
	}
	interpreter, err := p.find(ctx)
	if err != nil {
		return err
	}
	p.console.Say("making a Python environment in %s with %s, once", p.dir, interpreter)
	var out bytes.Buffer
	if err := p.run(ctx, &out, interpreter, "-m", "venv", "--clear", p.dir); err != nil {
		return fmt.Errorf("making the Python environment %s: %w%s", p.dir, err, lastLines(out.String()))
	}
	return nil
}

// errNoPython says what is needed.
var errNoPython = errors.New("no Python 3.11 or 3.12 with the modules venv and ensurepip was found: install one (on Debian and Ubuntu: apt install python3 python3-venv)")

func (p *Python) find(ctx context.Context) (string, error) {
	for _, name := range pythons {
		program, err := exec.LookPath(name)
		if err == nil && p.run(ctx, io.Discard, program, "-c", versionCheck) == nil {
			return program, nil
		}
	}
	return "", errNoPython
}

// install installs one set of packages and marks it.
func (p *Python) install(ctx context.Context, set string) error {
	list, err := p.list(set)
	if err != nil {
		return err
	}
	file := filepath.Join(p.dir, set+".txt")
	if err := os.WriteFile(file, list, 0o644); err != nil {
		return fmt.Errorf("installing Python packages: %w", err)
	}
	progress := &pipProgress{console: p.console, set: set, total: countPackages(list)}
	p.console.Say("installing %s for %s, once", wording.Count(progress.total, "Python package"), set)
	began := time.Now()
	err = p.run(ctx, progress, filepath.Join(p.dir, "bin", "python"), "-m", "pip", "install",
		"--no-deps", "--require-hashes", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "-r", file)
	if err != nil {
		said := progress.all.String()
		if unreachable(said) {
			err = fmt.Errorf("%w: %w", errNoIndex, err)
		}
		return fmt.Errorf("installing the Python packages of %s: %w%s", set, err, lastLines(said))
	}
	if err := p.drop(); err != nil {
		return fmt.Errorf("installing Python packages: %w", err)
	}
	mark := p.mark(set, list)
	if err := os.MkdirAll(filepath.Dir(mark), 0o755); err != nil {
		return fmt.Errorf("installing Python packages: %w", err)
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return fmt.Errorf("installing Python packages: %w", err)
	}
	p.console.Say("installed the Python packages of %s in %v", set, time.Since(began).Round(time.Second))
	return nil
}

// unneeded lists folders below those of the packages that no server reads.
const unneeded = "unneeded"

// drop removes what no server reads of the packages. pip takes a package away, or puts
// another version in its place, without it.
func (p *Python) drop() error {
	list, err := p.list(unneeded)
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(string(list)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		found, err := filepath.Glob(filepath.Join(p.dir, "lib", "python3*", "site-packages", line))
		errs = append(errs, err)
		for _, folder := range found {
			errs = append(errs, os.RemoveAll(folder))
		}
	}
	return errors.Join(errs...)
}

// errNoIndex says what pip needs.
var errNoIndex = errors.New("no package index could be reached: look at the network, or set PIP_INDEX_URL to an index that this machine reaches")

// unreachable reports whether pip's output says that it could not connect.
func unreachable(said string) bool {
	return slices.ContainsFunc([]string{
		"NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "NameResolutionError", "ProxyError",
		"Max retries exceeded", "Failed to establish a new connection",
	}, func(sign string) bool { return strings.Contains(said, sign) })
}

func (p *Python) run(ctx context.Context, out io.Writer, program string, args ...string) error {
	env := append(slices.Clone(p.environ), "PYTHONNOUSERSITE=1", "PYTHONPATH=", "PYTHONHOME=")
	return process.Command{Program: program, Args: args, Env: env}.Run(ctx, out)
}

func countPackages(list []byte) int {
	n := 0
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' && line[0] != '-' {
			n++
		}
	}
	return n
}

// pipProgress counts the packages that pip says it works on.
type pipProgress struct {
	console Console
	set     string
	total   int
	count   int
	// kilobytes are those of the files that pip says it fetches or has.
	kilobytes float64
	all       bytes.Buffer
	partial   []byte
}

// Write implements io.Writer.
func (p *pipProgress) Write(text []byte) (int, error) {
	p.all.Write(text)
	p.partial = append(p.partial, text...)
	for {
		line, rest, ok := bytes.Cut(p.partial, []byte("\n"))
		if !ok {
			return len(text), nil
		}
		p.line(string(line))
		p.partial = rest
	}
}

func (p *pipProgress) line(line string) {
	verb, name, _ := strings.Cut(strings.TrimSpace(line), " ")
	if verb == "Downloading" || verb == "Using" {
		p.kilobytes += kilobytesOf(line)
	}
	// A package of an index is collected, a file is processed.
	if verb == "Collecting" || verb == "Processing" {
		p.count++
		name, _, _ = strings.Cut(name, " ")
		p.console.Progress("  %s: %d of %d, %s so far: %s", p.set, min(p.count, p.total), p.total, megabytes(p.kilobytes), name)
	}
	if strings.HasPrefix(line, "Installing collected packages") {
		p.console.Progress("  %s: unpacking %s, %s", p.set, wording.Count(p.total, "package"), megabytes(p.kilobytes))
	}
}

// kilobytesOf reads the size that pip gives of a file, such as "(78.2 MB)"; 0
// where there is none.
func kilobytesOf(line string) float64 {
	_, size, _ := strings.Cut(line, " (")
	number, unit, _ := strings.Cut(strings.TrimSuffix(size, ")"), " ")
	value, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	return value * map[string]float64{"bytes": 1e-3, "kB": 1, "MB": 1e3, "GB": 1e6}[unit]
}

func megabytes(kilobytes float64) string { return fmt.Sprintf("%.0f MB", kilobytes/1e3) }

// lastLines are the last lines of a text, indented, each on a line of its own.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > process.TailLines {
		lines = lines[len(lines)-process.TailLines:]
	}
	return "\n    " + strings.Join(lines, "\n    ")
}
