package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"event-processing-service/handlers"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

// environment is what the container and the function would each read, and what only this program knows.
type environment struct {
	api       settings.API
	processor settings.Processor
	sets      processor.Sets
	kafkaPort int
	embedded  bool   // the broker is this program's own
	watch     bool   // rebuild and restart when the sources change
	data      string // a folder that keeps the broker and the outcomes; "": nothing is kept
	logged    bool   // LOG_LEVEL is set, so the lines of events are in the log, too

	consolePort       int // 0: none
	consolePortChosen bool
	lookup            settings.Lookup
	archiveURL        string // "": a folder of this run alone
	ownKeys           string // folder of this run's keys, gone when it ends; "": there is none
}

// readSettings reads the flags and the environment, of which the flags win.
func readSettings(args []string, lookup settings.Lookup, out io.Writer) (environment, error) {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	port := flags.Int("port", 5001, "the API's `port`; $PORT is the same")
	kafkaPort := flags.Int("kafka-port", 9092, "the embedded broker's `port`")
	consolePort := flags.Int("console-port", 8080, "the console's `port`, a page to watch and repair; 0: none")
	brokers := flags.String("brokers", "",
		"use these `brokers` (host:port,...) instead of the embedded one; $KAFKA_BOOTSTRAP_SERVERS is the same")
	folder := flags.String("data", "",
		"keep the embedded broker's records, and what became of them, in this `folder`; \"\": forget all at the end")
	watch := flags.Bool("watch", false,
		"rebuild and restart when a source file changes; while the code does not compile, the previous build keeps running")
	if err := flags.Parse(args); err != nil {
		return environment{}, err
	}
	if flags.NArg() > 0 {
		return environment{}, fmt.Errorf("%q is not a flag; this command takes nothing else", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })

	own := map[string]string{}
	if given["port"] {
		own["PORT"] = strconv.Itoa(*port)
	}
	if *brokers != "" {
		own["KAFKA_BOOTSTRAP_SERVERS"] = *brokers
	}
	keys, kept := keyFolder(*folder)
	read := localLookup(lookup, own, *brokers, keys)
	e := environment{
		sets:      handlers.Sets,
		kafkaPort: *kafkaPort, consolePort: *consolePort, consolePortChosen: given["console-port"],
		data: *folder, watch: *watch, lookup: read,
	}
	var errAPI, errProcessor, errArchive error
	e.api, errAPI = settings.LoadAPI(read)
	e.processor, errProcessor = settings.LoadProcessor(read)
	e.archiveURL, errArchive = settings.LoadArchive(read)
	if err := errors.Join(errAPI, errProcessor, errArchive); err != nil {
		return e, fmt.Errorf("the environment is wrong:\n%w", err)
	}
	if !kept && e.api.Keys.URL == fileURL(keys) {
		e.ownKeys = keys
	}
	level, _ := lookup("LOG_LEVEL")
	e.logged = level != ""
	servers, _ := read("KAFKA_BOOTSTRAP_SERVERS")
	e.embedded = servers == ""
	switch {
	case e.embedded && e.api.Kafka.Auth != settings.AuthNone:
		return e, fmt.Errorf("KAFKA_AUTH=%q: the embedded broker has no authentication; name other brokers with --brokers",
			e.api.Kafka.Auth)
	case e.api.SelfSigned:
		return e, errors.New("TLS_SELF_SIGNED=\"true\": it is for a load balancer, and there is none here; leave it out")
	case !e.embedded && e.data != "":
		return e, errors.New("--data keeps the embedded broker, and KAFKA_BOOTSTRAP_SERVERS or --brokers names others")
	case !e.embedded && given["kafka-port"]:
		return e, errors.New("--kafka-port is the embedded broker's, and KAFKA_BOOTSTRAP_SERVERS or --brokers names others")
	}
	return e, nil
}

// localLookup reads flags first, then the environment, then what is another default here than in a container: the API's
// port, so that it is the same as compose's; quiet logs, as the console tells what happens; and no port for metrics,
// which are at /v1/metrics, too. Whoever asks for an access log wants to see it.
//
// The keys of subjects are beside the embedded broker's records, so that both are kept or gone.
func localLookup(lookup settings.Lookup, flags map[string]string, brokers, keys string) settings.Lookup {
	embedded := func() bool {
		named, _ := lookup("KAFKA_BOOTSTRAP_SERVERS")
		return named == "" && brokers == ""
	}
	return func(name string) (string, bool) {
		if v, ok := flags[name]; ok {
			return v, true
		}
		if v, ok := lookup(name); ok && v != "" {
			return v, true
		}
		switch name {
		case "PORT":
			return "5001", true
		case "METRICS_PORT":
			return "0", true
		case "SUBJECT_KEYS":
			if v, _ := lookup("SHREDDED_TYPES"); v != "" && embedded() {
				return fileURL(keys), true
			}
		case "LOG_LEVEL":
			if v, _ := lookup("ACCESS_LOG_ONE_IN"); v == "" {
				return "WARN", true
			}
		}
		return "", false
	}
}

// keyFolder is where the keys of subjects are, unless the environment names another place.
func keyFolder(data string) (folder string, kept bool) {
	if data != "" {
		if absolute, err := filepath.Abs(filepath.Join(data, "keys")); err == nil {
			return absolute, true
		}
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("event-processing-service-keys-%d", os.Getpid())), false
}
