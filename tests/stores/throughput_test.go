package stores

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prime-radiant/radiant/tests/kit/stores"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestMain lets this binary be a plain client, whose time and memory are
// measured like those of other programs.
func TestMain(m *testing.M) {
	if url := os.Getenv("FETCH_ONE_BY_ONE"); url != "" {
		if err := oneByOne(&stores.S3{URL: url, Key: "test", Secret: "testtest1"}, os.Getenv("FETCH_FOLDER"), os.Getenv("FETCH_TO")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// oneByOne fetches each object of a folder by one request after another.
func oneByOne(s *stores.S3, folder, to string) error {
	client := s.Client()
	bucket := "bucket"
	list, err := client.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &folder})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, o := range list.Contents {
		r, err := client.GetObject(context.Background(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(to, filepath.Base(*o.Key)))
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, r.Body); err != nil {
			return err
		}
		r.Body.Close()
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// race is what is fetched, from where, and how often by each program.
type race struct {
	store *stores.S3
	// url is where the store seems to be.
	url    string
	folder string
	files  int
	size   int
	rounds int
}

// benchMemory is what ours may need.
const benchMemory = 128 << 20

// contender is a program that fetches all to a folder.
type contender struct {
	name    string
	command func(to string) *exec.Cmd
	times   []time.Duration
	memory  int64
}

// BenchmarkThroughput fetches many files from one S3 server, in turns: by the
// program of the init container, by rclone copy, and by a client that fetches
// one file after another and checks as Amazon's client does. The server is on
// this machine; then it seems to be far.
func BenchmarkThroughput(b *testing.B) {
	if b.N > 1 {
		b.Skip("once is enough: it has rounds of its own")
	}
	tools.Path(b, "rclone")
	s := stores.StartS3(b, "bucket")
	b.Run("near", race{s, s.URL, "near", 50, 40_000_000, 5}.run)
	b.Run("far", race{s, stores.StartFar(b, s.URL, 50*time.Millisecond, 20_000_000), "far", 50, 8_000_000, 3}.run)
}

func (r race) run(b *testing.B) {
	random := rand.New(rand.NewSource(1))
	content := make([]byte, r.size)
	for i := range r.files {
		random.Read(content)
		r.store.Put(b, "bucket", stores.Files{fmt.Sprintf("%s/%02d.bin", r.folder, i): content})
	}
	contenders := r.contenders(b)
	b.ResetTimer()
	for round := range r.rounds {
		for i := range contenders {
			// Each is first, second and third in turn.
			r.round(b, contenders[(round+i)%len(contenders)])
		}
	}
	best := min(contenders[1].median(), contenders[2].median())
	for _, c := range contenders {
		rate := float64(r.files*r.size) / 1e6 / c.median().Seconds()
		b.Logf("%-20s median %6.2f s (%4.0f MB/s), all %v, peak memory %d MB", c.name, c.median().Seconds(), rate, c.times, c.memory>>20)
	}
	ours := contenders[0]
	b.ReportMetric(best.Seconds()/ours.median().Seconds(), "times-the-better-one")
	b.ReportMetric(float64(ours.memory>>20), "MB-peak")
	if ours.median() > best {
		b.Errorf("slower than the better one: %v, %v", ours.median(), best)
	}
	if ours.memory > benchMemory {
		b.Errorf("%d MB of memory", ours.memory>>20)
	}
}

func (r race) contenders(b *testing.B) []*contender {
	s := *r.store
	s.URL = r.url
	return []*contender{
		{name: "storage-initializer", command: func(to string) *exec.Cmd {
			return initializer(b, s.Env(), "s3://bucket/"+r.folder, to)
		}},
		{name: "rclone copy", command: func(to string) *exec.Cmd {
			cmd := exec.Command("rclone", "copy", "s:bucket/"+r.folder, to)
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.TempDir()}, "RCLONE_CONFIG_S_TYPE=s3", "RCLONE_CONFIG_S_PROVIDER=Other", "RCLONE_CONFIG_S_ENDPOINT="+s.URL,
				"RCLONE_CONFIG_S_ACCESS_KEY_ID="+s.Key, "RCLONE_CONFIG_S_SECRET_ACCESS_KEY="+s.Secret)
			return cmd
		}},
		{name: "one by one", command: func(to string) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "FETCH_ONE_BY_ONE="+s.URL, "FETCH_FOLDER="+r.folder, "FETCH_TO="+to)
			return cmd
		}},
	}
}

func (c *contender) median() time.Duration {
	sorted := slices.Sorted(slices.Values(c.times))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// round fetches once, and removes what came.
func (r race) round(b *testing.B, c *contender) {
	b.Helper()
	to := filepath.Join(b.TempDir(), "models")
	defer os.RemoveAll(to)
	syscall.Sync() // What others wrote is not paid for here.
	cmd := c.command(to)
	var said strings.Builder
	cmd.Stderr = &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	peak := make(chan int64, 1)
	go func() { peak <- highWater(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	c.times = append(c.times, time.Since(began).Round(10*time.Millisecond))
	close(ended)
	c.memory = max(c.memory, <-peak)
	if err != nil {
		b.Fatalf("%s: %v\n%s", c.name, err, said.String())
	}
	entries, err := filepath.Glob(filepath.Join(to, "*.bin"))
	if err != nil || len(entries) != r.files {
		b.Fatalf("%s brought %d files", c.name, len(entries))
	}
}

// highWater reads the most memory that a process has had, until it ends. What
// the system says afterwards has the memory of this process in it.
func highWater(pid int, ended <-chan struct{}) (peak int64) {
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		for line := range strings.Lines(string(status)) {
			var kilobytes int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
				peak = max(peak, kilobytes<<10)
			}
		}
		select {
		case <-ended:
			return peak
		case <-time.After(20 * time.Millisecond):
		}
	}
}
