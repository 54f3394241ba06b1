// Package processor acts on events: it takes a batch of Kafka records, as AWS Lambda's event source mapping delivers
// it, and brings each record to one of two ends: its handler is through with it, or it lies in the dead letter topic.
//
// What it promises:
//   - Records of one key are worked on in the order of their offsets, and the next one begins only when the one before
//     has reached its end. Different keys, and records without a key, are worked on side by side.
//   - A record whose handler fails is tried again, with a pause, up to Config.MaxAttempts times over all deliveries and
//     restarts; then it goes to the dead letter topic as it came, and those behind it go on.
//   - A batch succeeds only when all of its records have reached their end. Else Kafka delivers them again; what had
//     reached its end is remembered and skipped.
//
// An event is known by its source and id. An event of a type without a handler takes effect by being recorded in the
// Store, with one conditional write: exactly once. A Handler is called at least once; see there for what it must do.
package processor
