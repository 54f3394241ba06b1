package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"event-processing-service/archive"
	"event-processing-service/archive/objects"
	"event-processing-service/cmd/internal/archiving"
	"event-processing-service/cmd/internal/assembly"
	"event-processing-service/internal/event"
	"event-processing-service/internal/settings"
	"event-processing-service/processor"
)

func archiveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "archive",
		Short: "Keep records for longer than Kafka does, prove that all are there, and bring them back",
		Long: `Keep records for longer than Kafka does, prove that all are there, and bring them back.

The archive lies where ARCHIVE_URL says: file:///DIRECTORY or s3://BUCKET[/PREFIX]. It has the records of $KAFKA_TOPIC
and $KAFKA_DLQ_TOPIC byte for byte.`,
	}
	cmd.AddCommand(archiveRunCommand(), archiveVerifyCommand(), archiveCatCommand(), archiveReplayCommand())
	return cmd
}

// openArchive opens the archive that the environment names.
func openArchive(ctx context.Context, cmd *cobra.Command) (*program, objects.Place, error) {
	p, err := newProgram(ctx, cmd.ErrOrStderr())
	if err != nil {
		return nil, nil, err
	}
	url, err := settings.LoadArchive(os.LookupEnv)
	if err == nil && url == "" {
		err = fmt.Errorf("%w: ARCHIVE_URL is not set: it says where the archive lies", settings.ErrEnvironment)
	}
	if err != nil {
		return nil, nil, err
	}
	place, err := archiving.Open(p.Assembly, url)
	return p, place, err
}

func archiveRunCommand() *cobra.Command {
	var group string
	var window, session time.Duration
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Archive the events and dead letters as they come, until it is ended",
		Long: `Archive the records of $KAFKA_TOPIC and the dead letters of all processors as they come, until it is ended.

It reads as a consumer group of its own, so it holds up nobody. Up to 10,000 records of a partition, or those of
--window, become one object. Nothing is lost when it dies, nor when two of them run: what was not committed is archived
again, and readers drop the copies. While the archive can't be written, Kafka keeps what waits.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, place, err := openArchive(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			// Three heartbeats may be lost before the group gives an archiver up.
			return archiving.Run(cmd.Context(), p.Assembly, p.env, place, group, window,
				kgo.SessionTimeout(session), kgo.HeartbeatInterval(min(session/4, 3*time.Second)))
		},
	}
	cmd.Flags().StringVar(&group, "group", assembly.ArchiveGroup, "consumer group that holds the archive's position")
	cmd.Flags().DurationVar(&window, "window", time.Minute, "how long the first record of a batch waits for others")
	cmd.Flags().DurationVar(&session, "session-timeout", 45*time.Second,
		"how long its partitions wait for an archiver that died")
	return cmd
}

var errUnsound = errors.New("the archive is not sound")

func archiveVerifyCommand() *cobra.Command {
	var output outputFlag
	var topic string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read all of the archive, and say what is missing or damaged",
		Long: `Read all of the archive, and say what is missing or damaged: offsets of which nothing is archived, objects
whose checksum is wrong, objects of another version. Copies are harmless and only counted. It exits 1 where anything is
wrong, and where nothing is archived at all.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, place, err := openArchive(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			return verifyArchive(cmd, place, topic, output)
		},
	}
	cmd.Flags().StringVar(&topic, "topic", "", "topic to verify (default: all that are archived)")
	output.addTo(cmd)
	return cmd
}

func verifyArchive(cmd *cobra.Command, place archive.Source, topic string, output outputFlag) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	partitions, faults := 0, 0
	for a, err := range archive.Verify(cmd.Context(), place, topic) {
		switch {
		case err != nil:
			faults++
			fmt.Fprintln(cmd.ErrOrStderr(), err)
			continue
		case output.kind == "json":
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(a); err != nil {
				return err
			}
		case partitions == 0:
			fmt.Fprintln(table, "TOPIC\tPARTITION\tOBJECTS\tRECORDS\tFIRST\tLAST\tCOPIES\tMISSING\tDAMAGED\tCREATED AGAIN")
			fallthrough
		default:
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", a.Topic, a.Partition, a.Objects, a.Records,
				a.First, a.Last, a.Copies, a.Missing, a.Damaged, a.Again)
		}
		partitions++
	}
	if err := table.Flush(); err != nil {
		return err
	}
	switch {
	case faults > 0:
		return fmt.Errorf("%w: %d faults", errUnsound, faults)
	case partitions == 0:
		return fmt.Errorf("%w: nothing is archived", errUnsound)
	}
	return nil
}

// archiveFilter chooses records of the archive.
type archiveFilter struct {
	topic                  string
	from, to               timeFlag
	eventType, key, source string
	keyed                  bool
	member                 string // FOREIGN_ID_MEMBER
}

func (f *archiveFilter) addTo(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.topic, "topic", "", "topic that the records were in (default: $KAFKA_TOPIC)")
	flags.Var(&f.from, "from", "only records since this time (RFC 3339), or this long ago (such as 3h)")
	flags.Var(&f.to, "to", "only records before this time, or this long ago")
	flags.StringVar(&f.eventType, "type", "", "only events of this type; order.* takes all that begin so")
	flags.StringVar(&f.key, "key", "", "only records with this key")
	flags.StringVar(&f.source, "source", "", "only events of this source")
}

// list finds the objects in question.
func (f *archiveFilter) list(cmd *cobra.Command, p *program, place archive.Source) (*archive.Contents, error) {
	f.keyed, f.member = cmd.Flags().Changed("key"), p.env.ForeignIDMember
	if f.topic == "" {
		f.topic = p.env.Topic()
	}
	return archive.List(cmd.Context(), place, archive.Range{Topic: f.topic, From: f.from.at, To: f.to.at})
}

// match leaves the time to the archive.
func (f *archiveFilter) match(r *event.Record) bool {
	if f.keyed && (r.Key == nil || string(r.Key) != f.key) {
		return false
	}
	if f.eventType == "" && f.source == "" {
		return true
	}
	e, err := processor.Decode(r, f.member)
	return err == nil && matchType(f.eventType, e.Type) && (f.source == "" || e.Source == f.source)
}

func archiveCatCommand() *cobra.Command {
	var filter archiveFilter
	var most int
	var decrypt bool
	cmd := &cobra.Command{
		Use:   "cat",
		Short: "Print archived records, a line of JSON each",
		Long: `Print archived records as the archive has them, a line of JSON each: those of one partition in their order,
each once. A member that is absent is null in Kafka; what is not UTF-8 is in Base64, in a member whose name ends in
_base64.`,
		Example: `  eventctl archive cat --from 2026-01-31 --to 2026-02-01 --type 'order.*'
  eventctl archive cat --topic events.dlq --from 48h | jq -r .key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, place, err := openArchive(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			contents, err := filter.list(cmd, p, place)
			if err != nil {
				return err
			}
			var keys decrypter
			if decrypt {
				if keys, err = newDecrypter(p.Assembly, p.env.Keys, cmd.ErrOrStderr()); err != nil {
					return err
				}
			}
			n := 0
			var line []byte
			for r, err := range contents.Records(cmd.Context()) {
				if err != nil {
					return err
				}
				if !filter.match(&r) {
					continue
				}
				if err := keys.open(cmd.Context(), &r); err != nil {
					return err
				}
				line = archive.AppendLine(line[:0], &r)
				if _, err := cmd.OutOrStdout().Write(line); err != nil {
					return err
				}
				if n++; n == most {
					break
				}
			}
			if n == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "there is no such record")
			}
			return nil
		},
	}
	filter.addTo(cmd)
	cmd.Flags().IntVar(&most, "max", 0, "stop after this many records; 0: print all")
	cmd.Flags().BoolVar(&decrypt, "decrypt", false, "decrypt data with the keys of SUBJECT_KEYS")
	return cmd
}
