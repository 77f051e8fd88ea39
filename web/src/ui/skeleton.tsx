interface SkeletonProps {
  /** What is on its way, for those who do not see it. */
  label: string
  rows: number
}

const WIDTHS = ['38%', '72%', '55%', '64%', '44%']

/** Grey lines in the place of text, after 150 ms and still. */
export function Skeleton({ label, rows }: SkeletonProps) {
  return (
    <div role="status" aria-label={label} className="after-150 grid gap-6 p-5">
      {Array.from({ length: rows }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move
        <div key={i} className="flex gap-4">
          <span className="sk size-9! rounded-full!" />
          <div className="grid flex-1 gap-2 pt-1">
            <span className="sk w-30" />
            <span className="sk" style={{ width: WIDTHS[i % WIDTHS.length] }} />
          </div>
        </div>
      ))}
    </div>
  )
}
