package config

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
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
	faults    []error
}

func (k *Kafka) define(flags *flag.FlagSet, env Env) {
	flags.StringVar(&k.brokers, "kafka_broker", env.or("KAFKA_BROKER", ""), "Kafka brokers, host:port,...")
	flags.StringVar(&k.Input, "kafka_input_topic", env.or("KAFKA_INPUT_TOPIC", ""), "topic with requests")
	flags.StringVar(&k.Output, "kafka_output_topic", env.or("KAFKA_OUTPUT_TOPIC", ""), "topic for answers")
	flags.StringVar(&k.Errors, "kafka_error_topic", env.or("KAFKA_ERROR_TOPIC", ""), "topic for requests that fail; empty: they are logged and counted")
	flags.IntVar(&k.Workers, "kafka_workers", 4, "records that are under way in the graph at once")
	flags.BoolVar(&k.AutoCommit, "kafka_auto_commit", true, "commit offsets at intervals; false: as soon as answers are acknowledged")
	flags.BoolVar(&k.fullGraph, "kafka_full_graph", false, "not supported")
}

// environment reads the variables that win over flags.
func (k *Kafka) environment(env Env) {
	for _, v := range []struct {
		name string
		set  func(text string) error
	}{
		{"KAFKA_WORKERS", func(text string) (err error) { k.Workers, err = strconv.Atoi(text); return err }},
		{"KAFKA_AUTO_COMMIT", func(text string) (err error) { k.AutoCommit, err = strconv.ParseBool(text); return err }},
		{"KAFKA_FULL_GRAPH", func(text string) (err error) { k.fullGraph, err = strconv.ParseBool(text); return err }},
	} {
		text := strings.ToLower(strings.TrimSpace(env.or(v.name, "")))
		if text == "" {
			continue
		}
		if err := v.set(text); err != nil {
			k.faults = append(k.faults, fmt.Errorf("%s: %w", v.name, err))
		}
	}
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
	errs := k.faults
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
