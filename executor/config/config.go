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
	"strconv"
	"strings"
	"time"
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
	// LogLevel is DEBUG, INFO, WARNING, ERROR or FATAL.
	LogLevel string
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
	// MergeMeta writes all that is known of a request's way there.
	MergeMeta bool
	// PayloadLog is where payloads go.
	PayloadLog PayloadLog
	// InFlight bounds the requests under way.
	InFlight InFlight
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
	flags := flag.NewFlagSet("executor", flag.ContinueOnError)
	flags.SetOutput(help)
	source := c.define(flags, env)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q: flags are written --name value or --name=value", flags.Arg(0))
	}
	var errs []error
	c.environment(env)
	c.Telemetry.environment(env)
	if source.debug {
		c.LogLevel = "DEBUG"
	}
	unread := c.readPredictor(source.file, env)
	errs = append(errs, unread, c.readAnnotations(env.or("RADIANT_PODINFO", "/etc/podinfo")), c.check(source), c.Telemetry.check())
	if source.file == "" || unread == nil {
		errs = append(errs, c.checkNames())
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	flags.VisitAll(func(f *flag.Flag) { c.settings = append(c.settings, f.Name+"="+f.Value.String()) })
	if endpoint, ok := env("REQUEST_LOGGER_DEFAULT_ENDPOINT"); ok {
		c.settings = append(c.settings, "REQUEST_LOGGER_DEFAULT_ENDPOINT="+redacted(endpoint))
	}
	c.settings = append(c.settings,
		fmt.Sprintf("rest-timeout=%s grpc-timeout=%s grpc-max-message-size=%d", c.RESTTimeout, c.GRPCTimeout, c.GRPCMaxMessageBytes),
		"tracing="+strconv.Quote(c.Telemetry.Tracing.String()))
	return c, nil
}

// source is what the flags say of where to read on.
type source struct {
	file, serverType, compat string
	debug                    bool
}

func (c *Config) define(flags *flag.FlagSet, env Env) *source {
	s := &source{}
	flags.StringVar(&c.Deployment, "sdep", "", "name of the SeldonDeployment")
	flags.StringVar(&c.Namespace, "namespace", "", "namespace of the SeldonDeployment")
	flags.StringVar(&c.PredictorName, "predictor", "", "name of the predictor to serve")
	flags.StringVar(&s.file, "file", "", "SeldonDeployment to read (.yaml, .yml or .json) in place of ENGINE_PREDICTOR")
	flags.IntVar(&c.HTTPPort, "http_port", 8080, "port of the REST listener")
	flags.IntVar(&c.GRPCPort, "grpc_port", 5000, "port of the gRPC listener")
	flags.StringVar(&c.Protocol, "protocol", "seldon", "outside protocol: seldon, tensorflow, v2 or kfserving")
	flags.StringVar(&c.Transport, "transport", "rest", "rest or grpc; both are always served")
	flags.StringVar(&s.serverType, "server_type", "rpc", "rpc, or kafka: serve records of a topic too")
	flags.DurationVar(&c.GracefulTimeout, "graceful_timeout", 15*time.Second, "time that requests in flight have to finish at shutdown")
	flags.DurationVar(&c.ShutdownDelay, "shutdown_delay", 0, "time between a signal and closing the listeners")
	flags.BoolVar(&c.FullHealthChecks, "full_health_checks", false, "judge readiness by HTTP instead of a TCP connect")
	flags.StringVar(&c.LogLevel, "log_level", env.or("SELDON_LOG_LEVEL", "INFO"), "DEBUG, INFO, WARNING, ERROR or FATAL")
	flags.Int64Var(&c.MaxRequestBytes, "max_request_bytes", 100<<20, "largest message taken from a client")
	flags.Int64Var(&c.MaxResponseBytes, "max_response_bytes", 1<<30, "largest message taken from a node")
	flags.IntVar(&c.MaxHeaderBytes, "max_header_bytes", 1<<20, "largest header of a request")
	flags.IntVar(&c.MaxStreams, "max_streams", 1024, "most requests that one HTTP/2 connection may have under way")
	flags.StringVar(&s.compat, "compat", env.or("RADIANT_COMPAT", ""), "v1: errors and built-in nodes as in Seldon Core v1")
	c.InFlight.define(flags, env)
	c.PayloadLog.define(flags, env)
	flags.BoolVar(&c.OnePort, "one_port", env.is("RADIANT_ONE_PORT"), "serve gRPC on the REST port too, as equal ports do")
	flags.BoolVar(&s.debug, "debug", env.is("SELDON_DEBUG"), "same as --log_level DEBUG")
	for _, name := range []string{"config", "kubeconfig"} {
		flags.String(name, "", "accepted, without effect")
	}
	c.Kafka.define(flags, env)
	c.Telemetry.define(flags)
	return s
}

func (c *Config) environment(env Env) {
	c.Host = env.or("RADIANT_HOST", "")
	c.CORSOrigins = env.or("CORS_ALLOWED_ORIGINS", "*")
	c.CORSHeaders = env.or("CORS_ALLOWED_HEADERS", "Accept, Accept-Encoding, Authorization, Content-Length, Content-Type, X-CSRF-Token")
	c.MergeMeta = env.is("RADIANT_MERGE_META")
	c.InjectRouting = env.or("SELDON_ENABLE_ROUTING_INJECTION", "") != ""
	c.TLS.environment(env)
	c.PayloadLog.environment(env)
	c.Kafka.environment(env)
	c.KafkaSecurity.environment(env)
}

func (c *Config) check(s *source) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch s.serverType {
	case "rpc":
	case "kafka":
		c.Kafka.Serve = true
	default:
		fail("--server_type %q is unknown: want rpc or kafka", s.serverType)
	}
	if c.V1 = s.compat == "v1"; !c.V1 && s.compat != "" {
		fail("--compat %q is unknown: want v1 or nothing", s.compat)
	}
	if c.Transport != "rest" && c.Transport != "grpc" {
		fail("--transport %q is unknown: want rest or grpc", c.Transport)
	}
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
	if c.GracefulTimeout < 0 || c.ShutdownDelay < 0 {
		fail("--graceful_timeout and --shutdown_delay must not be negative")
	}
	return errors.Join(append(errs, c.TLS.check(), c.InFlight.check(), c.PayloadLog.check(&c.KafkaSecurity), c.Kafka.check(&c.KafkaSecurity))...)
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
