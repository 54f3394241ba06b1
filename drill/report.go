package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"event-processing-service/internal/event"
)

// receipt is an event that the API answered 202 for.
type receipt struct {
	event.Place
	At time.Time
}

// tail is what was lost of a partition: the events behind what the archive has.
type tail struct {
	Partition    int32     `json:"partition"`
	ArchivedTo   int64     `json:"archived_to"` // offset; -1: nothing is archived
	First        int64     `json:"first"`       // offset of the first event that is lost
	Last         int64     `json:"last"`
	Events       int       `json:"events"`
	FirstAt      time.Time `json:"first_at"`       // when the API accepted it
	BeforeWipeMS int64     `json:"before_wipe_ms"` // how long before the loss that was
	IDs          []string  `json:"ids"`
}

// report is what a drill found. It is sound without faults.
type report struct {
	Drill    string        `json:"drill"`
	Accepted int           `json:"accepted"`       // events that the API answered 202 for
	Kept     int           `json:"kept"`           // that were in the copy of the table
	Restored int           `json:"restored"`       // that were brought back, and have taken effect
	Lost     int           `json:"lost"`           // that nothing had, as the archive's window was open
	Again    int           `json:"again"`          // that the lost region had done, and its replica did not know of
	Twice    int           `json:"twice"`          // that came or took effect once more
	Missing  int           `json:"missing"`        // that something had, and that are not back
	Tails    []tail        `json:"tails"`          // the lost ones, named
	Load     time.Duration `json:"load_ns"`        // how long events came
	Back     time.Duration `json:"back_ns"`        // from the loss until the last event was back
	Rate     float64       `json:"accepted_per_s"` // while events came
	Notes    []string      `json:"notes"`
	Faults   []string      `json:"faults"`
}

func (r *report) fault(format string, args ...any) {
	if len(r.Faults) < 50 { // the numbers tell of the others
		r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
	}
}

// split tells the accepted events that the archive has from those that are behind its ends.
func split(accepted map[string]receipt, ends map[int32]int64) (saved, lost map[string]receipt) {
	saved, lost = map[string]receipt{}, map[string]receipt{}
	for id, r := range accepted {
		end, archived := ends[r.Partition]
		if archived && r.Offset <= end {
			saved[id] = r
		} else {
			lost[id] = r
		}
	}
	return saved, lost
}

// nameLost names what is lost by partition. Events that were accepted longer than late before the loss should not be
// among them.
func (r *report) nameLost(lost map[string]receipt, ends map[int32]int64, wiped time.Time, late time.Duration) {
	r.Lost = len(lost)
	tails := map[int32]*tail{}
	ids := slices.SortedFunc(maps.Keys(lost), func(a, b string) int { return cmp.Compare(lost[a].Offset, lost[b].Offset) })
	for _, id := range ids {
		one := lost[id]
		t := tails[one.Partition]
		if t == nil {
			t = &tail{Partition: one.Partition, ArchivedTo: -1, First: one.Offset, FirstAt: one.At,
				BeforeWipeMS: wiped.Sub(one.At).Milliseconds()}
			if end, archived := ends[one.Partition]; archived {
				t.ArchivedTo = end
			}
			tails[one.Partition] = t
		}
		t.Last, t.Events, t.IDs = one.Offset, t.Events+1, append(t.IDs, id)
		if wiped.Sub(one.At) > late {
			r.fault("%s at %s was accepted %s before the loss, and is not in the archive", id, one.Place,
				wiped.Sub(one.At).Round(time.Millisecond))
		}
	}
	for _, p := range slices.Sorted(maps.Keys(tails)) {
		r.Tails = append(r.Tails, *tails[p])
	}
}

// countCopies looks whether each event is in a topic once, and those of one key in their order.
func (r *report) countCopies(records []event.Record, numberOf func(id string) (int, bool)) {
	seen, latest := map[string]bool{}, map[string]int{}
	for i := range records {
		e, err := event.FromRecord(&records[i])
		if err != nil {
			r.fault("the record at %s can't be read: %v", records[i].Place, err)
			continue
		}
		n, ours := numberOf(e.ID)
		switch key := string(records[i].Key); {
		case !ours:
			r.fault("%s at %s was never posted", e.ID, records[i].Place)
		case seen[e.ID]:
			r.Twice++
			r.fault("%s comes twice", e.ID)
		case n < latest[key]:
			r.fault("%s comes after number %d, which has the same key and was later", e.ID, latest[key])
		default:
			seen[e.ID], latest[key] = true, n
		}
	}
}

// print writes the report for people, or as JSON.
func (r *report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "drill %s\n", r.Drill)
	for _, line := range []struct {
		what  string
		count int
		means string
	}{
		{"accepted", r.Accepted, fmt.Sprintf("in %s, %.0f a second", r.Load.Round(time.Millisecond), r.Rate)},
		{"kept", r.Kept, "outcomes in the copy of the table"},
		{"restored", r.Restored, fmt.Sprintf("within %s of the loss", r.Back.Round(time.Millisecond))},
		{"lost", r.Lost, "behind the archive's ends"},
		{"again", r.Again, "had taken effect in the lost region, and the replica did not know of it"},
		{"twice", r.Twice, ""},
		{"missing", r.Missing, ""},
	} {
		fmt.Fprintf(table, "%s\t%d\t%s\n", line.what, line.count, line.means)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, t := range r.Tails {
		fmt.Fprintf(w, "lost of partition %d: offsets %d to %d, %d events; archived up to %d; the first was accepted %d ms "+
			"before the loss\n", t.Partition, t.First, t.Last, t.Events, t.ArchivedTo, t.BeforeWipeMS)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	for _, fault := range r.Faults {
		fmt.Fprintln(w, "fault:", fault)
	}
	verdict := "sound"
	if len(r.Faults) > 0 {
		verdict = "not sound"
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}
