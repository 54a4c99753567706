// Package config is everything the executor is told from outside: flags,
// environment, the predictor and the pod's annotations, read once at start.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/setting"
)

// Config is validated and read-only once loaded. Flag names are those that a
// Seldon Core v1 operator passes.
type Config struct {
	// Deployment, Namespace and PredictorName say whose predictor this is.
	Deployment, Namespace, PredictorName string
	// Host is the address to listen on; empty: all interfaces.
	Host string
	// HTTPPort and GRPCPort are listened on. 0: any free port.
	HTTPPort, GRPCPort int
	// Protocol is the outside protocol's name.
	Protocol string
	// Transport is rest or grpc. Both listeners run whatever it says.
	Transport string
	// ShutdownDelay is waited between a signal and the listeners' closing;
	// GracefulTimeout is what requests in flight then have to finish.
	ShutdownDelay, GracefulTimeout time.Duration
	// FullHealthChecks judges readiness by HTTP instead of a TCP connect.
	FullHealthChecks bool
	// Annotations is the file with the annotations of the pod.
	Annotations string
	// NodeFiles is the folder that holds a folder of files for each built-in node
	// with a modelUri.
	NodeFiles string
	// ModelFolders are the folders of models with modelRefresh, as NODE=FOLDER with
	// commas: what is known of their versions is written there.
	ModelFolders string
	// Repository is what clients may ask of the repositories of servers: none, index or
	// all.
	Repository string
	// StateDir keeps what built-in nodes learn; empty: nothing does. Replica names
	// this one there; empty: the host's name does.
	StateDir, Replica string
	// Peers are where other replicas are, as peers.New reads them; empty: none is
	// asked.
	Peers string
	// LogLevel is DEBUG, INFO, WARNING, ERROR or FATAL.
	LogLevel string
	// AccessLog has a line written for each request.
	AccessLog bool
	// MaxRequestBytes and MaxResponseBytes bound one message from a client
	// and one from a node.
	MaxRequestBytes, MaxResponseBytes int64

	// MaxHeaderBytes bounds the header of a request, MaxStreams the requests
	// that one HTTP/2 connection has under way.
	MaxHeaderBytes, MaxStreams int
	// OnePort serves gRPC on the REST port too. Equal ports mean the same.
	OnePort bool

	// CORSOrigins and CORSHeaders are sent as they are.
	CORSOrigins, CORSHeaders string
	// InjectRouting writes the routes taken into the answer's meta.
	InjectRouting bool
	// V1 asks for habits of Seldon Core v1 that are not kept otherwise.
	V1 bool
	// Examples is a folder with what the page about the deployment cannot ask
	// the servers; empty: there is none.
	Examples string
	// TellRoutes says in headers of answers which predictor and which children
	// gave them.
	TellRoutes bool
	// MergeMeta writes all that is known of a request's way there.
	MergeMeta bool
	// PayloadLog is where payloads go.
	PayloadLog PayloadLog
	// AnswerHeaders lists the headers of a node's answer that reach the client.
	AnswerHeaders string
	// LeastRate is the bytes a second that a client must send or read of a large
	// message. 0: no bound.
	LeastRate int64
	// HeapBound is true if the heap is bounded from outside, by GOMEMLIMIT.
	HeapBound bool
	// InFlight bounds the requests under way.
	InFlight InFlight
	// Scaling is for pods that are scaled by their requests.
	Scaling Scaling
	// TLS secures the listeners and connections to nodes.
	TLS TLS

	// RESTTimeout and GRPCTimeout bound one call on a node. 0: no bound.
	RESTTimeout, GRPCTimeout time.Duration
	// GRPCMaxMessageBytes bounds what the gRPC listener takes, when the pod's
	// annotations say so. 0: they do not.
	GRPCMaxMessageBytes int

	// Telemetry is what is shown of the work.
	Telemetry Telemetry

	// Kafka is the serving of records, KafkaSecurity how brokers are connected
	// to.
	Kafka         Kafka
	KafkaSecurity KafkaSecurity

	// Predictor is what to serve.
	Predictor Predictor

	settings []string
}

// String lists the settings, one "name=value" each.
func (c *Config) String() string { return strings.Join(c.settings, " ") }

// Env looks up an environment variable, as [os.LookupEnv] does.
type Env func(name string) (value string, ok bool)

func (e Env) or(name, fallback string) string {
	if v, ok := e(name); ok && v != "" {
		return v
	}
	return fallback
}

// is tells whether a variable says true.
func (e Env) is(name string) bool {
	v, _ := e(name)
	return strings.EqualFold(v, "true")
}

// Load reads args (without the program's name), the environment and the files
// they point to. It reports all problems at once, and [flag.ErrHelp] when the
// user asked for help, which has been written to help by then.
func Load(args []string, env Env, help io.Writer) (*Config, error) {
	c := &Config{}
	given, err := c.parse(args, env, help)
	if err != nil {
		return nil, err
	}
	source := given.source
	c.derive(source)
	c.Telemetry.Tracing.environment(env)
	unread := c.readPredictor(source)
	c.Annotations = filepath.Join(source.podInfo, "annotations")
	errs := []error{given.unusable, unread, c.readAnnotations(source.podInfo), c.readVersions(), c.check(source), c.Telemetry.check()}
	if source.file == "" || unread == nil {
		errs = append(errs, c.checkNames())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	given.flags.VisitAll(func(f *flag.Flag) { c.settings = append(c.settings, f.Name+"="+f.Value.String()) })
	if c.PayloadLog.Endpoint != "" {
		c.settings = append(c.settings, endpointVariable+"="+redacted(c.PayloadLog.Endpoint))
	}
	c.settings = append(c.settings,
		fmt.Sprintf("rest-timeout=%s grpc-timeout=%s grpc-max-message-size=%d", c.RESTTimeout, c.GRPCTimeout, c.GRPCMaxMessageBytes),
		"tracing="+strconv.Quote(c.Telemetry.Tracing.String()))
	return c, nil
}

// given is what flags and variables said.
type given struct {
	fields []field
	flags  *flag.FlagSet
	source *source
	// unusable are the variables whose values mean nothing.
	unusable error
}

// parse takes over defaults, variables and flags, the later ones before the
// earlier ones.
func (c *Config) parse(args []string, env Env, help io.Writer) (given, error) {
	g := given{source: &source{}, flags: flag.NewFlagSet("executor", flag.ContinueOnError)}
	g.fields = c.fields(g.source)
	if err := takeDefaults(g.fields); err != nil {
		return g, err
	}
	g.unusable = takeVariables(g.fields, env, false)
	g.flags.SetOutput(help)
	define(g.fields, g.flags)
	if err := g.flags.Parse(args); err != nil {
		return g, err
	}
	if g.flags.NArg() > 0 {
		return g, fmt.Errorf("unexpected argument %q: flags are written --name value or --name=value", g.flags.Arg(0))
	}
	if g.source.serverType == serverKafka { // Nothing of Kafka counts otherwise.
		g.unusable = errors.Join(g.unusable, takeVariables(c.Kafka.fields(), env, true))
	}
	return g, nil
}

// PrintSettings writes all settings to w, with what is in force by args and
// environment, if args ask for that by --settings. Secrets are not shown.
func PrintSettings(args []string, env Env, w io.Writer) (asked bool, err error) {
	given, err := new(Config).parse(args, env, io.Discard)
	if err != nil || !given.source.list {
		return false, nil // Load says what is wrong.
	}
	all := make([]setting.Setting, len(given.fields))
	for i, f := range given.fields {
		all[i] = f.inForce(env)
	}
	return true, errors.Join(given.unusable, setting.Print(w, all))
}

// source is what the settings say of where to read on.
type source struct {
	predictor, file, podInfo string
	serverType, compat       string
	debug, list              bool
}

// derive completes what follows from several settings.
func (c *Config) derive(s *source) {
	if s.debug {
		c.LogLevel = "DEBUG"
	}
	c.TLS.derive()
	c.KafkaSecurity.derive()
}

// serverKafka is the value of --server_type that serves a topic.
const serverKafka = "kafka"

func (c *Config) check(s *source) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch s.serverType {
	case "rpc":
	case serverKafka:
		c.Kafka.Serve = true
	default:
		fail("--server_type %q is unknown: want rpc or kafka", s.serverType)
	}
	if words := graph.CompatWords(); s.compat != "" && !slices.Contains(words, s.compat) {
		fail("--compat (%s) %q is unknown: want %s or nothing", graph.CompatVariable, s.compat, strings.Join(words, ", "))
	}
	c.V1 = s.compat == "v1"
	if words := graph.RepositoryWords(); !slices.Contains(words, c.Repository) {
		fail("--repository_api (%s) %q is unknown: want %s", graph.RepositoryVariable, c.Repository, strings.Join(words, ", "))
	}
	if c.Transport != "rest" && c.Transport != "grpc" {
		fail("--transport %q is unknown: want rest or grpc", c.Transport)
	}
	errs = append(errs, c.checkNumbers(), c.TLS.check(), c.InFlight.check(), c.Scaling.check(), c.PayloadLog.check(&c.KafkaSecurity), c.Kafka.check(&c.KafkaSecurity))
	return errors.Join(errs...)
}

func (c *Config) checkNumbers() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, f := range []struct {
		flag string
		port int
	}{{"http_port", c.HTTPPort}, {"grpc_port", c.GRPCPort}} {
		if f.port < 0 || f.port > math.MaxUint16 {
			fail("--%s %d is not a port", f.flag, f.port)
		}
	}
	if c.MaxRequestBytes <= 0 || c.MaxResponseBytes <= 0 || c.MaxHeaderBytes <= 0 || c.MaxStreams <= 0 || c.MaxStreams > math.MaxInt32 || c.MaxHeaderBytes > math.MaxInt32 {
		fail("--max_request_bytes, --max_response_bytes, --max_header_bytes and --max_streams must be positive, the last two below %d", math.MaxInt32)
	}
	if c.LeastRate < 0 {
		fail("--min_rate must not be negative")
	}
	if c.GracefulTimeout < 0 || c.ShutdownDelay < 0 {
		fail("--graceful_timeout and --shutdown_delay must not be negative")
	}
	return errors.Join(errs...)
}

func (c *Config) checkNames() error {
	var errs []error
	for _, f := range []struct{ flag, value string }{{"sdep", c.Deployment}, {"namespace", c.Namespace}, {"predictor", c.PredictorName}} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("--%s is missing", f.flag))
		}
	}
	return errors.Join(errs...)
}

// redacted drops what may be a password from a URL.
func redacted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	u.RawQuery = ""
	return u.Redacted()
}

// Level is the log level in slog's terms.
func (c *Config) Level() slog.Level {
	switch c.LogLevel {
	case "DEBUG":
		return slog.LevelDebug
	case "WARNING":
		return slog.LevelWarn
	case "ERROR", "FATAL":
		return slog.LevelError
	}
	return slog.LevelInfo
}
