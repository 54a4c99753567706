package config

import (
	"errors"
	"fmt"
	"strings"
)

// Kafka is the serving of records of a topic, besides REST and gRPC.
type Kafka struct {
	// Serve is true with --server_type kafka; nothing else counts without it.
	Serve bool
	// Brokers are host:port.
	Brokers []string
	// Input is the topic to consume, Output the one for answers, and Errors the
	// one for records that failed; empty: those are logged and counted.
	Input, Output, Errors string
	// Workers is how many records are walked through the graph at once.
	Workers int
	// AutoCommit commits offsets at intervals instead of as soon as possible.
	AutoCommit bool

	brokers   string
	fullGraph bool
}

// maxKafkaWorkers keeps a slip of the finger from taking the memory.
const maxKafkaWorkers = 4096

func (k *Kafka) check(s *KafkaSecurity) error {
	if !k.Serve {
		return nil
	}
	for broker := range strings.SplitSeq(k.brokers, ",") {
		if broker = strings.TrimSpace(broker); broker != "" {
			k.Brokers = append(k.Brokers, broker)
		}
	}
	var errs []error
	for _, f := range []struct {
		missing        bool
		flag, variable string
	}{
		{len(k.Brokers) == 0, "kafka_broker", "KAFKA_BROKER"},
		{k.Input == "", "kafka_input_topic", "KAFKA_INPUT_TOPIC"},
		{k.Output == "", "kafka_output_topic", "KAFKA_OUTPUT_TOPIC"},
	} {
		if f.missing {
			errs = append(errs, fmt.Errorf("--%s or %s is missing, which --server_type kafka asks for", f.flag, f.variable))
		}
	}
	if k.Input != "" && (k.Input == k.Output || k.Input == k.Errors) {
		errs = append(errs, fmt.Errorf("--kafka_input_topic %s is the output or error topic too: answers would come back as requests", k.Input))
	}
	if k.Workers < 1 || k.Workers > maxKafkaWorkers {
		errs = append(errs, fmt.Errorf("--kafka_workers or KAFKA_WORKERS %d: want 1 to %d", k.Workers, maxKafkaWorkers))
	}
	if k.fullGraph {
		errs = append(errs, errors.New("--kafka_full_graph or KAFKA_FULL_GRAPH: calling nodes over topics is not supported; without it, nodes are called over --transport"))
	}
	return errors.Join(append(errs, s.check())...)
}
