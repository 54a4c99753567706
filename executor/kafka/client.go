package kafka

import (
	"context"
	"hash/crc32"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partitioner puts keys where executors of Seldon Core v1 put them, which use
// librdkafka, and records without a key anywhere.
func partitioner() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(func(key []byte, n int) int {
		return int(crc32.ChecksumIEEE(key) % uint32(n)) //nolint:gosec // partitions are few
	})
}

// logger shows what the client has to say from warnings on, and all of it when
// debugging.
type logger struct{ log *slog.Logger }

func (l logger) Level() kgo.LogLevel {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		return kgo.LogLevelInfo
	}
	return kgo.LogLevelWarn
}

func (l logger) Log(level kgo.LogLevel, message string, pairs ...any) {
	to := slog.LevelDebug
	switch level {
	case kgo.LogLevelError:
		to = slog.LevelError
	case kgo.LogLevelWarn:
		to = slog.LevelWarn
	}
	l.log.Log(context.Background(), to, "kafka: "+message, pairs...)
}
