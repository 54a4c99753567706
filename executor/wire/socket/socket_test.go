package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair is both ends of a connection; the first one is direct.
func pair(t *testing.T) (direct, plain net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if plain, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if direct, err = Listener(l).Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = plain.Close(), direct.Close() })
	return direct, plain
}

func TestBytesPass(t *testing.T) {
	direct, plain := pair(t)
	for _, n := range []int{1, 100, mostDirect, mostDirect + 1, 8 << 20} {
		sent := bytes.Repeat([]byte{byte(n), 1, 2}, n/3+1)[:n]
		done := make(chan error, 2)
		go func() {
			_, err := direct.Write(sent)
			done <- err
		}()
		got := make([]byte, n)
		if _, err := io.ReadFull(plain, got); err != nil || !bytes.Equal(got, sent) || <-done != nil {
			t.Errorf("%d bytes were written wrong: %v", n, err)
		}
		go func() {
			_, err := plain.Write(sent)
			done <- err
		}()
		clear(got)
		if _, err := io.ReadFull(direct, got); err != nil || !bytes.Equal(got, sent) || <-done != nil {
			t.Errorf("%d bytes were read wrong: %v", n, err)
		}
	}
}

// Errors are those of an ordinary connection.
func TestErrors(t *testing.T) {
	small := make([]byte, 10)
	for name, c := range map[string]struct {
		do   func(direct, plain net.Conn) error
		want error
		text string
	}{
		"end": {func(direct, plain net.Conn) error {
			_ = plain.Close()
			_, err := direct.Read(small)
			return err
		}, io.EOF, "EOF"},
		"reset": {func(direct, plain net.Conn) error {
			_ = plain.(*net.TCPConn).SetLinger(0)
			_ = plain.Close()
			_, err := direct.Read(small)
			return err
		}, syscall.ECONNRESET, "read tcp"},
		"late read": {func(direct, _ net.Conn) error {
			_ = direct.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			_, err := direct.Read(small)
			return err
		}, os.ErrDeadlineExceeded, "read tcp"},
		"late write": {func(direct, _ net.Conn) error {
			_ = direct.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			for {
				if _, err := direct.Write(make([]byte, mostDirect)); err != nil {
					return err
				}
			}
		}, os.ErrDeadlineExceeded, "write tcp"},
		"broken": {func(direct, plain net.Conn) error {
			_ = plain.(*net.TCPConn).SetLinger(0)
			_ = plain.Close()
			_, _ = direct.Read(small)
			_, err := direct.Write(small)
			return err
		}, syscall.EPIPE, "write tcp"},
		"closed": {func(direct, _ net.Conn) error {
			_ = direct.Close()
			_, err := direct.Write(small)
			return err
		}, net.ErrClosed, "write tcp"},
		"interrupted": {func(direct, _ net.Conn) error {
			time.AfterFunc(10*time.Millisecond, func() { _ = direct.SetReadDeadline(time.Unix(1, 0)) })
			_, err := direct.Read(small)
			return err
		}, os.ErrDeadlineExceeded, "read tcp"},
	} {
		direct, plain := pair(t)
		if err := c.do(direct, plain); !errors.Is(err, c.want) || !bytes.HasPrefix([]byte(err.Error()), []byte(c.text)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestQuiet(t *testing.T) {
	if !Supported {
		t.Skip("not on this system")
	}
	for name, do := range map[string]func(plain net.Conn){
		"nothing": func(net.Conn) {},
		"a byte":  func(plain net.Conn) { _, _ = plain.Write([]byte{1}) },
		"the end": func(plain net.Conn) { _ = plain.Close() },
		"a reset": func(plain net.Conn) { _, _ = plain.(*net.TCPConn).SetLinger(0), plain.Close() },
	} {
		direct, plain := pair(t)
		do(plain)
		raw, err := direct.(syscall.Conn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		quiet := true
		for end := time.Now().Add(200 * time.Millisecond); quiet && time.Now().Before(end); time.Sleep(time.Millisecond) {
			if err := raw.Control(func(fd uintptr) { quiet = Quiet(fd) }); err != nil {
				t.Fatal(err)
			}
		}
		if quiet != (name == "nothing") {
			t.Errorf("%s: quiet is %v", name, quiet)
		}
	}
}
