package kafka

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// apacheKafka is one node that is broker and controller.
type apacheKafka struct {
	address, jars, properties string
	process                   *exec.Cmd
	log                       *os.File
}

// startKafka starts Apache Kafka. Its jars are fetched once, into the user's
// cache.
func startKafka(t *testing.T) *apacheKafka {
	t.Helper()
	for _, tool := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("there is no %s to run Apache Kafka with: the cases ran before the in-process broker only", tool)
		}
	}
	jars := filepath.Join(jarFolder(t), "*")
	dir, port, controller := t.TempDir(), freePort(t), freePort(t)
	properties := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(`process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
controller.listener.names=CONTROLLER
log.dirs=%[3]s/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
`, port, controller, dir)
	if err := os.WriteFile(properties, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &apacheKafka{address: fmt.Sprintf("127.0.0.1:%d", port), jars: jars, properties: properties}
	if out, err := k.java("kafka.tools.StorageTool", "format", "--config", properties, "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk").CombinedOutput(); err != nil {
		t.Fatalf("formatting the storage: %v\n%s", err, out)
	}
	var err error
	if k.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.kill()
		_ = k.log.Close()
	})
	k.start(t)
	return k
}

func (k *apacheKafka) java(args ...string) *exec.Cmd {
	return exec.Command("java", append([]string{"-Xmx256m", "-Dlog4j2.level=ERROR", "-cp", k.jars}, args...)...)
}

// start returns when the broker listens. It goes on with the data of the one
// before.
func (k *apacheKafka) start(t *testing.T) {
	t.Helper()
	k.process = k.java("kafka.Kafka", k.properties)
	k.process.Stdout, k.process.Stderr = k.log, k.log
	if err := k.process.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if conn, err := net.Dial("tcp", k.address); err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(k.log.Name())
			t.Fatalf("Apache Kafka does not listen:\n%s", text)
		}
	}
}

// kill ends the broker at once.
func (k *apacheKafka) kill() {
	if k.process == nil || k.process.ProcessState != nil {
		return
	}
	_ = k.process.Process.Signal(syscall.SIGKILL)
	_ = k.process.Wait()
}

// jarFolder holds Kafka and what it depends on, as pom.xml pins it.
func jarFolder(t *testing.T) string {
	t.Helper()
	pom, err := os.ReadFile("pom.xml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(pom), "<kafka.version>")
	version, _, _ := strings.Cut(rest, "<")
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(cache, "radiant", "kafka-"+version)
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	t.Logf("fetching Apache Kafka %s, once", version)
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	made, err := os.MkdirTemp(filepath.Dir(folder), "kafka-")
	if err != nil {
		t.Fatal(err)
	}
	fetch := exec.Command("mvn", "-q", "-B", "-f", "pom.xml", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+made)
	if out, err := fetch.CombinedOutput(); err != nil {
		_ = os.RemoveAll(made)
		t.Fatalf("fetching Apache Kafka: %v\n%s", err, out)
	}
	if err := os.Rename(made, folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}
