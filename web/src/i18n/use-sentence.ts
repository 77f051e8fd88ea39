import { asProblem } from '@/lib/api/problem'
import { useServices } from '@/store/hooks'
import { useT } from './use-t'

/** What to say of a failure: the server's own sentence where it refused, since only it knows what is missing. */
export function useSentence(): (error: unknown) => string {
  const { t } = useT()
  return (error) => {
    const problem = asProblem(error)
    if (problem.unknownOutcome || problem.message === problem.code) return t('dialog.failed')
    const [first = '', ...rest] = problem.message
    return `${first.toLocaleUpperCase()}${rest.join('')}.`.replace(/\.\.$/, '.')
  }
}

/** Shows a refusal as a notice that stays. */
export function useRefusal(): (error: unknown) => void {
  const { stage } = useServices()
  const sentence = useSentence()
  return (error) => stage.getState().toast(sentence(error), 'danger')
}
