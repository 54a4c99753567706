package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// revokeTime bounds how long a rebalance waits for records under way, well
// below the minute in which Kafka wants it done.
const revokeTime = 20 * time.Second

// assigned takes over partitions that the group gave to this consumer.
func (s *Server) assigned(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, number := range all[s.options.Input] {
		s.partitions[number] = newPartition(s.stopped, duties{send: s.send, mark: s.mark, release: s.release})
	}
	s.options.Log.Info("partitions assigned", "partitions", all[s.options.Input])
}

// revoked gives up partitions that another consumer will get. It finishes and
// commits the records under way, so that the other consumer does not repeat them.
func (s *Server) revoked(ctx context.Context, c *kgo.Client, all map[string][]int32) {
	left := s.remove(all[s.options.Input])
	end, cancel := context.WithTimeout(ctx, min(revokeTime, s.options.GracefulTimeout))
	defer cancel()
	if err := finish(end, left); err != nil {
		s.options.Log.Warn("giving partitions back: "+err.Error(), "partitions", all[s.options.Input])
	}
	last, cancelLast := context.WithTimeout(ctx, closingTime)
	defer cancelLast()
	if err := c.CommitMarkedOffsets(last); err != nil {
		s.options.Log.Warn("committing before partitions are given back, some records will be answered again", "error", err.Error())
	}
	if len(left) > 0 {
		s.options.Log.Info("partitions revoked", "partitions", all[s.options.Input])
	}
}

// lost gives up partitions that another consumer may have already; nothing more is
// committed for them.
func (s *Server) lost(_ context.Context, _ *kgo.Client, all map[string][]int32) {
	for _, p := range s.remove(all[s.options.Input]) {
		p.abandon()
	}
	s.options.Log.Warn("partitions lost", "partitions", all[s.options.Input])
}

func (s *Server) remove(numbers []int32) map[int32]*partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := map[int32]*partition{}
	for _, number := range numbers {
		if p := s.partitions[number]; p != nil {
			left[number] = p
			delete(s.partitions, number)
		}
	}
	return left
}

// finish lets records that are walked or sent be done with, until ctx ends.
// The others are left to the next consumer.
func finish(ctx context.Context, all map[int32]*partition) error {
	for _, p := range all {
		p.finish()
	}
	late := 0
	for _, p := range all {
		select {
		case <-p.empty:
		case <-ctx.Done():
			// Done in the same moment counts as done.
			select {
			case <-p.empty:
			default:
				late++
			}
		}
		p.abandon()
	}
	if late > 0 {
		return fmt.Errorf("records of %d partitions were still under way, and will be answered again", late)
	}
	return nil
}
