package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"event-processing-service/internal/event"
	"event-processing-service/internal/kafka"
	"event-processing-service/internal/shred"
	"event-processing-service/processor"
)

type forget struct {
	subject  string
	keysOnly bool
	output   outputFlag
	confirmation
}

func forgetCommand() *cobra.Command {
	var o forget
	cmd := &cobra.Command{
		Use:   "forget SUBJECT",
		Short: "Delete the keys of a subject, so that no copy of its events' data can be read",
		Long: `Delete the keys of a subject, so that no copy of its events' data can be read any more: in topics, dead
letters, the archive, and backups of these. It can't be undone. Programs may use a key for a while after they have read
it; the receipt says until when.

Only data of the event types in SHREDDED_TYPES is encrypted; subject, id and the other attributes never are. So it then
reads the topics that Kafka has, and says how many records of the subject are there, and which of them are in clear.
Texts of errors, which may quote data, are deleted from the outcomes of its dead letters, where STORE is dynamodb; those
in the headers of dead letters go with the topic's retention. docs/privacy.md says what else is not covered.

The receipt is printed last; keep it. The next event of the subject gets a new key.`,
		Example: `  eventctl forget customer-17
  eventctl forget customer-17 --yes --output json > receipt.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.subject = args[0]
			return o.run(cmd)
		},
	}
	cmd.Flags().BoolVar(&o.keysOnly, "keys-only", false, "delete the keys, and neither read topics nor change outcomes")
	o.output.addTo(cmd)
	o.addTo(cmd)
	return cmd
}

// forgetReceipt says what was done, and what is left.
type forgetReceipt struct {
	Subject     string            `json:"subject"`
	SHA256      string            `json:"subject_sha256"` // under which the key store knows it
	Keys        []shred.Forgotten `json:"keys"`
	EffectiveBy time.Time         `json:"effective_by"` // no program uses a deleted key after it
	Looked      bool              `json:"looked"`       // into the topics; else the following are not known
	Encrypted   int               `json:"encrypted"`    // records of the subject that nobody can read any more
	Letters     int               `json:"dead_letters"` // of these
	InClear     map[string]int    `json:"in_clear"`     // records of the subject that are readable, by event type
	Outcomes    int               `json:"outcomes"`     // from which the text of an error was deleted
	NotDone     []string          `json:"not_done"`
}

func (o *forget) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	p, err := newProgram(ctx, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	store, keep, err := p.KeyStore(p.env.Keys)
	if err != nil {
		return err
	}
	if store == nil {
		return errNoKeys
	}
	question := fmt.Sprintf("Delete the keys of subject %q for ever?", o.subject)
	if err := o.ask(cmd, question); err != nil {
		return err
	}
	keys, err := store.Forget(ctx, o.subject)
	if err != nil {
		return fmt.Errorf("forget: %w; run it again", err)
	}
	if len(keys) == 0 {
		return fmt.Errorf("subject %q never had a key: no data of it was encrypted with keys of this store", o.subject)
	}
	sum := sha256.Sum256([]byte(o.subject))
	r := forgetReceipt{Subject: o.subject, SHA256: hex.EncodeToString(sum[:]), Keys: keys, InClear: map[string]int{},
		EffectiveBy: time.Now().Add(keep).UTC().Round(time.Millisecond), NotDone: []string{}}
	if o.keysOnly {
		r.NotDone = append(r.NotDone, "the topics were not looked into, and outcomes not changed (--keys-only)")
		return r.print(cmd.OutOrStdout(), o.output.kind)
	}
	if err := o.look(ctx, p, &r); err != nil { // the keys are deleted all the same, which the receipt shows
		r.NotDone = append(r.NotDone, fmt.Sprintf("the topics were not looked through: %v", err))
	}
	return r.print(cmd.OutOrStdout(), o.output.kind)
}

// look counts the subject's records in all topics, and deletes the texts of errors from its outcomes.
func (o *forget) look(ctx context.Context, p *program, r *forgetReceipt) error {
	cfg, err := p.KafkaConfig(p.env.Kafka, clientID)
	if err != nil {
		return err
	}
	client, err := p.KafkaClient(p.env.Kafka, clientID)
	if err != nil {
		return err
	}
	defer client.Close()
	events := p.env.EventTopics()
	topics := map[string]string{} // and whose dead letters they have
	for _, name := range events {
		topics[name] = ""
	}
	for _, name := range p.Sets.Names() {
		topics[p.env.For(name).DeadLetterTopic] = name
	}
	dead := map[string]map[event.Identity]bool{} // by processor
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		spans, err := kafka.Bounds(ctx, client, topic, time.Time{}, time.Time{})
		if err != nil {
			return err
		}
		for record, err := range kafka.Read(ctx, cfg, topic, spans) {
			if err != nil {
				return err
			}
			e, err := processor.Decode(&record, p.env.ForeignIDMember)
			if err != nil || e.Subject != o.subject {
				continue
			}
			isLetter := !slices.Contains(events, topic)
			switch {
			case !e.IsSealed():
				r.InClear[e.Type]++
			case isLetter:
				r.Letters++
				fallthrough
			default:
				r.Encrypted++
			}
			if isLetter {
				name := topics[topic]
				if dead[name] == nil {
					dead[name] = map[event.Identity]bool{}
				}
				dead[name][e.Identity()] = true
			}
		}
	}
	r.Looked = true
	return redact(ctx, p, dead, r)
}

// redact deletes the texts of errors from the outcomes of dead letters.
func redact(ctx context.Context, p *program, dead map[string]map[event.Identity]bool, r *forgetReceipt) error {
	if p.env.Store.Kind != "dynamodb" {
		r.NotDone = append(r.NotDone, "texts of errors in outcomes, as STORE is not dynamodb: they are another process's")
		return nil
	}
	table, err := p.Table(p.env.Store)
	if err != nil {
		return err
	}
	for name, identities := range dead {
		for id := range identities {
			changed, err := table.Of(name).ForgetReason(ctx, id)
			if err != nil {
				return err
			}
			if changed {
				r.Outcomes++
			}
		}
	}
	return nil
}

func (r *forgetReceipt) print(w io.Writer, kind string) error {
	if kind == "json" {
		return json.NewEncoder(w).Encode(r)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "subject %q is forgotten; its name in the key store is %s\n", r.Subject, r.SHA256)
	for _, k := range r.Keys {
		fmt.Fprintf(&text, "key %s: deleted at %s\n", k.Key, k.At.Format(time.RFC3339))
	}
	fmt.Fprintf(&text, "no program uses a deleted key after %s\n", r.EffectiveBy.Format(time.RFC3339))
	if r.Looked {
		fmt.Fprintf(&text, "records in Kafka that nobody can read any more: %d, of which %d are dead letters\n", r.Encrypted,
			r.Letters)
		fmt.Fprintf(&text, "outcomes from which the text of an error was deleted: %d\n", r.Outcomes)
	}
	for _, eventType := range slices.Sorted(maps.Keys(r.InClear)) {
		fmt.Fprintf(&text, "still readable: %d records of type %s, which were not encrypted\n", r.InClear[eventType],
			eventType)
	}
	for _, what := range r.NotDone {
		fmt.Fprintf(&text, "not done: %s\n", what)
	}
	if r.Letters > 0 {
		fmt.Fprintln(&text, "not done: texts of errors in the headers of dead letters, which go with the topic's retention")
	}
	_, err := io.WriteString(w, text.String())
	return err
}
