package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/prime-radiant/radiant/executor/message"
	"github.com/prime-radiant/radiant/executor/protocol"
)

// Engine answers requests.
type Engine interface {
	Predict(ctx context.Context, t protocol.Transport, m message.Message) (message.Message, error)
	// Ready reports what keeps it from answering.
	Ready(ctx context.Context) error
}

// Observer sees the records go by, as the observer of a listener sees its
// requests.
type Observer interface {
	Begin(ctx context.Context, puid string, header *message.Header) context.Context
	End(ctx context.Context, start time.Time, code int)
}

// Options are all that serving from a topic depends on.
type Options struct {
	Connection Connection
	Engine     Engine
	Protocol   *protocol.Protocol
	// Transport is how nodes are called, and so what values hold: JSON for
	// REST, protobuf for gRPC.
	Transport protocol.Transport
	// Group is the consumer group. Input is consumed, answers go to Output and
	// records that failed to Errors; empty: those are logged and counted.
	Group, Input, Output, Errors string
	// Workers is how many records are walked at once.
	Workers int
	// AutoCommit commits offsets at intervals, instead of as soon as answers
	// are acknowledged.
	AutoCommit bool
	// MaxRequestBytes bounds one record.
	MaxRequestBytes int64
	// GracefulTimeout is what records under way have to finish at the end, and
	// when a partition goes to another consumer.
	GracefulTimeout time.Duration
	NewPuid         func() string
	// Observer, if not nil, sees each record go by.
	Observer Observer
	// Metrics is where the counters of records are registered.
	Metrics prometheus.Registerer
	Log     *slog.Logger
}

// Limits of what is in memory. An answer is as large as its model makes it.
const (
	// windowPerWorker is how many records are under way for each worker; the
	// others wait for a worker, for an answer before them or for the brokers.
	windowPerWorker = 16
	// windowBytes bounds the values of records under way.
	windowBytes = 32 << 20
	// fetchBytes bounds what a broker sends ahead.
	fetchBytes = 8 << 20
)

// Server consumes, walks and produces.
type Server struct {
	options Options
	client  *kgo.Client
	reader  *reader
	metrics *metrics
	window  *window
	jobs    chan *entry
	pool    message.Pool
	commits chan struct{}
	// stopped ends when nothing more is to be sent.
	stopped context.Context
	stop    context.CancelFunc

	mu         sync.Mutex
	partitions map[int32]*partition
}

// New makes a server, which connects to no broker yet.
func New(o Options) (*Server, error) {
	r, err := newReader(&o)
	if err != nil {
		return nil, err
	}
	s := &Server{
		options: o, reader: r, partitions: map[int32]*partition{},
		window: newWindow(windowPerWorker*o.Workers, windowBytes), jobs: make(chan *entry, windowPerWorker*o.Workers),
		commits: make(chan struct{}, 1),
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	if err := kgo.ValidateOpts(s.clientOptions()...); err != nil {
		return nil, fmt.Errorf("setting up Kafka: %w", err)
	}
	s.metrics = newMetrics(o.Metrics)
	return s, nil
}

func (s *Server) clientOptions() []kgo.Opt {
	return append(s.options.Connection.Options(),
		kgo.WithLogger(logger{s.options.Log}),
		kgo.ConsumerGroup(s.options.Group),
		kgo.ConsumeTopics(s.options.Input),
		// Executors of Seldon Core v1 know range; while there are some in the
		// group, all use that.
		kgo.Balancers(kgo.CooperativeStickyBalancer(), kgo.RangeBalancer()),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(s.assigned),
		kgo.OnPartitionsRevoked(s.revoked),
		kgo.OnPartitionsLost(s.lost),
		kgo.SessionTimeout(10*time.Second),
		kgo.AutoCommitMarks(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(fetchBytes),
		kgo.RecordPartitioner(partitioner()),
		// A topic that is not there may yet be made.
		kgo.UnknownTopicRetries(-1),
		kgo.ProducerLinger(0),
		// Handing over never waits, which it does with a partition's lock held:
		// no more than the window has is ever on its way.
		kgo.MaxBufferedRecords(2*windowPerWorker*s.options.Workers+100),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
}

// Run serves until ctx ends, and then finishes what is under way. It returns
// an error if that did not succeed in time: the records in question are left
// to the next consumer.
func (s *Server) Run(ctx context.Context) error {
	defer s.stop()
	s.options.Log.Info("waiting for the graph, to consume then", "topic", s.options.Input, "group", s.options.Group)
	s.awaitReady(ctx)
	if ctx.Err() != nil {
		return nil
	}
	// A client joins the group at once, and would keep partitions from others
	// that can serve them.
	var err error
	if s.client, err = kgo.NewClient(s.clientOptions()...); err != nil {
		return fmt.Errorf("setting up Kafka: %w", err)
	}
	defer s.client.Close()
	var all sync.WaitGroup
	for range s.options.Workers {
		all.Go(s.work)
	}
	if !s.options.AutoCommit {
		all.Go(s.commit)
	}
	s.consume(ctx)
	err = s.drain()
	s.stop()
	all.Wait()
	return err
}

// readyInterval passes between questions whether the graph is ready.
const readyInterval = 500 * time.Millisecond

func (s *Server) awaitReady(ctx context.Context) {
	for ctx.Err() == nil && s.options.Engine.Ready(ctx) != nil {
		pause(ctx, readyInterval)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// consume reads records as long as there is room for them.
func (s *Server) consume(ctx context.Context) {
	for {
		n := s.window.room(ctx)
		if n == 0 {
			return
		}
		fetches := s.client.PollRecords(ctx, n)
		if ctx.Err() == nil {
			s.take(fetches)
		}
		// Partitions come and go between polls only.
		s.client.AllowRebalance()
		if err := fetches.Err0(); err != nil && ctx.Err() == nil {
			pause(ctx, time.Second)
		}
	}
}

func (s *Server) take(fetches kgo.Fetches) {
	fetches.EachError(func(topic string, partition int32, err error) {
		s.options.Log.Warn("consuming", "topic", topic, "partition", partition, "error", err.Error())
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	fetches.EachRecord(func(r *kgo.Record) {
		p := s.partitions[r.Partition]
		if p == nil {
			return
		}
		e := &entry{in: r, lease: s.pool.Lease(), bytes: len(r.Key) + len(r.Value)}
		s.window.take(1, e.bytes)
		s.metrics.consumed.Inc()
		p.add(e)
		// There is room: no more are under way than the window has records.
		s.jobs <- e
	})
}

func (s *Server) release(e *entry) {
	e.lease.Release()
	s.window.take(-1, -e.bytes)
}

// mark notes what may be committed.
func (s *Server) mark(r *kgo.Record) {
	s.client.MarkCommitRecords(r)
	select {
	case s.commits <- struct{}{}:
	default:
	}
}

// commit commits what is marked, again and again. What is marked meanwhile
// goes together.
func (s *Server) commit() {
	for {
		select {
		case <-s.commits:
			if err := s.client.CommitMarkedOffsets(s.stopped); err != nil && s.stopped.Err() == nil {
				// It is tried again with the next record, and every few seconds.
				s.options.Log.Warn("committing", "error", err.Error())
			}
		case <-s.stopped.Done():
			return
		}
	}
}

// closingTime bounds the last words with the brokers.
const closingTime = 3 * time.Second

// drain finishes what is under way and leaves the group.
func (s *Server) drain() error {
	end, cancel := context.WithTimeout(context.Background(), s.options.GracefulTimeout)
	defer cancel()
	s.mu.Lock()
	left := s.partitions
	s.partitions = map[int32]*partition{}
	s.mu.Unlock()
	err := finish(end, left)
	last, cancelLast := context.WithTimeout(context.Background(), closingTime)
	defer cancelLast()
	return errors.Join(err, s.leave(last))
}

func (s *Server) leave(ctx context.Context) error {
	var err error
	if e := s.client.CommitMarkedOffsets(ctx); e != nil {
		err = fmt.Errorf("committing at the end, some records will be answered again: %w", e)
	}
	if e := s.client.LeaveGroupContext(ctx); e != nil {
		err = errors.Join(err, fmt.Errorf("leaving the consumer group: %w", e))
	}
	return err
}
